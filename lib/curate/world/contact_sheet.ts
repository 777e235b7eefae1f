import { StylearError } from '../../error.ts';
import type { Picture } from '../../image/picture.ts';
import { pictureGrid } from '../../image/picture_grid.ts';
import { drawContent, nounPhrase } from './content.ts';
import { drawStyleOf, evaluationSeed } from './held_out.ts';
import { drawRaw } from './raw.ts';
import { render } from './render.ts';
import { drawStyle } from './styles/draw_style.ts';
import { families } from './styles/families.ts';
import { drawStylised } from './stylised.ts';
import { subjects } from './subjects/subjects.ts';
import type { Svg } from './svg.ts';

/** A sheet, and what its pictures are, row by row, for who looks at it. */
export interface ContactSheet {
  readonly picture: Picture;
  readonly captions: readonly (readonly string[])[];
}

interface Cell {
  readonly drawing: Svg;
  readonly caption: string;
}

/** The sheets that can be asked for, and what they show. */
export const sheetKinds = {
  subjects: 'every subject once, as a raw picture',
  styles: 'a row for every family: eight styles of it with a subject each',
  pairs: 'a row for each of twelve styles: a reference, then other subjects in the same style',
  raw: 'raw pictures as training sees them',
} as const;
/** One of `sheetKinds`. */
export type SheetKind = keyof typeof sheetKinds;

/**
 * Pictures of the picture world side by side, to look at.
 *
 * @param size  of each picture, pixels a side
 * @param seed  another seed shows other pictures
 * @throws `ERR_VALUE` when the size or the seed is out of range
 */
export async function contactSheet(
  kind: SheetKind,
  {
    size = 128,
    seed = 0,
  }: { readonly size?: number | undefined; readonly seed?: number | undefined } = {},
): Promise<ContactSheet> {
  if (!Number.isSafeInteger(seed) || seed < 0 || seed > 2 ** 40) {
    throw new StylearError(
      'ERR_VALUE',
      `contactSheet: expected seed to be a whole number in [0, 2^40], got ${seed}`,
    );
  }
  const rows = draw[kind](seed * 4096);
  const pictures: Picture[][] = [];
  for (const cells of rows) {
    const row: Picture[] = [];
    for (const { drawing } of cells) row.push(await render(drawing, size));
    pictures.push(row);
  }
  const captions = rows.map((row) => row.map(({ caption }) => caption));
  return { picture: pictureGrid(pictures), captions };
}

const draw: Readonly<Record<SheetKind, (seed: number) => Cell[][]>> = {
  subjects: (seed) =>
    inRows(
      subjects.map(({ name }, i) => rawCell(seed + i, name)),
      10,
    ),
  raw: (seed) =>
    inRows(
      Array.from({ length: 80 }, (_, i) => rawCell(seed + i)),
      10,
    ),
  styles: (seed) =>
    families.map(({ name }, row) =>
      Array.from({ length: 8 }, (_, i) =>
        stylisedCell(seed + row * 8 + i, drawStyle(seed + row * 8 + i, name)),
      ),
    ),
  pairs: (seed) =>
    Array.from({ length: 12 }, (_, row) => {
      const style = drawStyleOf(
        row % 3 ? 'training' : 'held-out family',
        evaluationSeed(seed + row),
      );
      return Array.from({ length: 8 }, (_, i) => stylisedCell(seed + row * 8 + i, style));
    }),
};

function rawCell(seed: number, subject?: string): Cell {
  const { drawing, caption } = drawRaw(seed, subject);
  return { drawing, caption };
}

function stylisedCell(seed: number, style: ReturnType<typeof drawStyle>): Cell {
  const content = drawContent(seed);
  const drawing = drawStylised(style, content, seed);
  return { drawing, caption: `${nounPhrase(content)}, ${style.family}` };
}

const inRows = (cells: readonly Cell[], columns: number): Cell[][] =>
  Array.from({ length: Math.ceil(cells.length / columns) }, (_, row) =>
    cells.slice(row * columns, (row + 1) * columns),
  );

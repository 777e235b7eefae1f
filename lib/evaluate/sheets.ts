// What the report shows of the pictures it has figures of.
import { encodePicture } from '../image/encode.ts';
import { upright } from '../image/orientation.ts';
import type { Picture } from '../image/picture.ts';
import { fitted, pictureGrid } from '../image/picture_grid.ts';
import type { Sheet } from './report.ts';

type Rows = readonly (readonly (Picture | undefined)[])[];

/** Pictures in rows as a sheet of the report; a missing one leaves its place empty. */
export async function sheetOf(title: string, caption: string, rows: Rows): Promise<Sheet> {
  return { title, caption, png: await encodePicture(pictureGrid(rows)) };
}

/** Prompts that a sheet has columns for. */
const shownPrompts = 8;

/** Pixels a side that results are shown in at most: a report holds all of its sheets. */
const mostPixels = 256;

/**
 * References at the left, what a model drew beside them.
 *
 * @param styles     what the caption calls them
 * @param pictureOf  the first picture of a style and a prompt
 */
export async function resultSheet(
  title: string,
  styles: readonly { readonly name: string; readonly reference: Picture }[],
  prompts: readonly string[],
  pictureOf: (style: number, prompt: number) => Picture | Promise<Picture>,
): Promise<Sheet> {
  const shown = prompts.slice(0, shownPrompts);
  const rows: Picture[][] = [];
  for (const [style, { reference }] of styles.entries()) {
    const results: Picture[] = [];
    for (const prompt of shown.keys()) results.push(await pictureOf(style, prompt));
    const side = Math.min(mostPixels, Math.max(results[0]!.width, results[0]!.height));
    rows.push([reference, ...results].map((picture) => fitted(upright(picture), side)));
  }
  const caption =
    `Columns: the reference, then ${shown.join('; ')}. ` +
    `Rows: ${styles.map(({ name }) => name).join('; ')}.`;
  return sheetOf(title, caption, rows);
}

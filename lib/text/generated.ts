// What a model wrote, parted into text and pictures.
import { codeShape, type Grid } from './image_tokens.ts';
import { imageSymbol } from './prompt_template.ts';
import type { Tokenizer } from './tokenizer.ts';
import { codeOf, gridUnitsOf, type Vocabulary } from './vocabulary.ts';

/** A part of what a model wrote. */
export type GeneratedPart = TextPart | ImagePart | BrokenImage;

/** A stretch of text. */
export interface TextPart {
  readonly kind: 'text';
  readonly ids: readonly number[];
}

/** A whole picture. */
export interface ImagePart {
  readonly kind: 'image';
  readonly grid: Grid;
  /** `[rows, columns]` */
  readonly codes: Int32Array;
}

/** A picture that was begun and cannot be shown. */
export interface BrokenImage {
  readonly kind: 'broken image';
  /** Cut off by the end of the ids; of sides that are no sizes; or with another token in a place. */
  readonly fault: 'unfinished' | 'size' | 'token';
  /** Its size, where it is one. */
  readonly grid: Grid | undefined;
  readonly ids: readonly number[];
}

/**
 * Parts ids at their pictures. Every id is in one part, in order; a stop token is text. A picture that
 * is not as the grammar has it is a part of its own, up to its end, or to the next start or stop.
 */
export function partsOf(vocabulary: Vocabulary, ids: readonly number[]): GeneratedPart[] {
  const parts: GeneratedPart[] = [];
  let text = 0;
  const keepText = (end: number) => {
    if (end > text) parts.push({ kind: 'text', ids: ids.slice(text, end) });
  };
  for (let at = 0; at < ids.length; ) {
    if (ids[at] !== vocabulary.imageStart) {
      at++;
      continue;
    }
    keepText(at);
    const end = endOfImage(vocabulary, ids, at);
    parts.push(imagePart(vocabulary, ids.slice(at, end)));
    text = at = end;
  }
  keepText(ids.length);
  return parts;
}

/**
 * The text of parts, with `<|image|>` for each picture, broken ones too, and without the stop token
 * that ends it.
 */
export function textOfParts(
  tokenizer: Tokenizer,
  vocabulary: Vocabulary,
  parts: readonly GeneratedPart[],
): string {
  const text = parts.map((part, i) => {
    if (part.kind !== 'text') return imageSymbol;
    const stopped = i === parts.length - 1 && part.ids.at(-1) === vocabulary.stop;
    return tokenizer.decode(stopped ? part.ids.slice(0, -1) : part.ids);
  });
  return text.join('');
}

function endOfImage(
  { imageStart, imageEnd, stop }: Vocabulary,
  ids: readonly number[],
  begin: number,
): number {
  for (let at = begin + 1; at < ids.length; at++) {
    if (ids[at] === imageEnd) return at + 1;
    if (ids[at] === imageStart || ids[at] === stop) return at;
  }
  return ids.length;
}

function imagePart(vocabulary: Vocabulary, ids: readonly number[]): ImagePart | BrokenImage {
  const { imageEnd, newLine } = vocabulary;
  const broken = (fault: BrokenImage['fault'], grid?: Grid): BrokenImage => ({
    kind: 'broken image',
    fault,
    grid,
    ids,
  });
  const finished = ids.at(-1) === imageEnd;
  if (ids.length < 3) return broken(finished ? 'size' : 'unfinished');
  const [height, width] = [ids[1]!, ids[2]!].map((id) => gridUnitsOf(vocabulary, id));
  if (height === undefined || width === undefined) return broken('size');
  const grid = { height, width };
  if (!finished) return broken('unfinished', grid);
  const { rows, columns } = codeShape(vocabulary, grid);
  if (ids.length !== rows * (columns + 1) + 4) return broken('token', grid);
  const codes = new Int32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const begin = 3 + row * (columns + 1);
    if (ids[begin + columns] !== newLine) return broken('token', grid);
    for (let column = 0; column < columns; column++) {
      const code = codeOf(vocabulary, ids[begin + column]!);
      if (code === undefined) return broken('token', grid);
      codes[row * columns + column] = code;
    }
  }
  return { kind: 'image', grid, codes };
}

// Which tokens of a vocabulary are pictures: data, so that a model with other numbers is a new layout.
import { StylearError } from '../error.ts';

/** A token by its id, or by its name. */
export type TokenReference = number | string;

/** Where a family of models has its tokens. */
export interface VocabularyLayout {
  /** What every sequence begins with; undefined where nothing is put there. */
  readonly begin?: TokenReference | undefined;
  readonly imageStart: TokenReference;
  readonly imageEnd: TokenReference;
  /** Ends a row of codes. */
  readonly newLine: TokenReference;
  /** Ends a turn, and generation. */
  readonly stop: TokenReference;
  /** Gives its place to a style row; undefined where the family has no styles. */
  readonly stylePlaceholder?: TokenReference | undefined;
  /** Codes of the image tokenizer: from this id on, or by the names `IMGIMG...Z`. */
  readonly codes: { readonly count: number; readonly first?: number | undefined };
  /** `<reserved{gridBase + n}>`, with five digits, is a side of n grid units. */
  readonly gridBase: number;
  /** The longest side, in grid units. */
  readonly gridMax: number;
  /** Codes along a side of a grid unit. */
  readonly codesPerUnit: number;
  /** Pixels along a side of a grid unit. */
  readonly unitPixels: number;
}

/** Chameleon and Lumina-mGPT: 65,536 tokens, VQGAN codes of 16 pixels. */
export const chameleonLayout: VocabularyLayout = {
  begin: '<s>',
  imageStart: '<racm3:break>',
  imageEnd: '<eoss>',
  newLine: '<reserved08799>',
  stop: '<reserved08706>',
  stylePlaceholder: '*',
  codes: { count: 8192 },
  gridBase: 8800,
  gridMax: 128,
  codesPerUnit: 2,
  unitPixels: 32,
};

/** How large the pictures of a vocabulary are, in numbers. */
export interface PictureLayout
  extends Pick<VocabularyLayout, 'gridMax' | 'codesPerUnit' | 'unitPixels'> {
  /** Codes of the image tokenizer. */
  readonly codes: number;
}

/** The names that Chameleon's tokens have, with pictures of another kind. */
export const chameleonLayoutOf = ({ codes, ...pictures }: PictureLayout): VocabularyLayout => ({
  ...chameleonLayout,
  ...pictures,
  codes: { count: codes },
});

/** Lumina-mGPT 2.0: a Qwen2 vocabulary, codes of 8 pixels, and a picture's end is the end. */
export const lumina2Layout: VocabularyLayout = {
  imageStart: 151_665,
  imageEnd: 151_666,
  newLine: 151_670,
  stop: 151_666,
  codes: { count: 16_384, first: 155_000 },
  gridBase: 8800,
  gridMax: 128,
  codesPerUnit: 4,
  unitPixels: 32,
};

/** The tokens of a model by what they mean. */
export interface Vocabulary {
  /** How many ids there are in all. */
  readonly size: number;
  readonly begin: number | undefined;
  readonly imageStart: number;
  readonly imageEnd: number;
  /** Ends a row of codes. */
  readonly newLine: number;
  /** Ends a turn. */
  readonly stop: number;
  readonly stylePlaceholder: number | undefined;
  /** Ids of codes: first and one past the last. */
  readonly codes: readonly [number, number];
  /** `[codes]`: the id of each code. */
  readonly codeIds: Int32Array;
  /** `[codes]`: the code of each id from `codes[0]` on. */
  readonly codesById: Int32Array;
  /** The id of the grid size 0; `n` units have the id `grid + n`. */
  readonly grid: number;
  /** The longest side, in grid units. */
  readonly gridMax: number;
  /** Codes along a side of one grid unit. */
  readonly codesPerUnit: number;
  /** Pixels along a side of a grid unit. */
  readonly unitPixels: number;
}

/**
 * @param ids   the id of each name: `ids` of a tokenizer, or the `vocabulary_map` of a config.json
 * @param size  how many logits the model has; one more than the largest id unless told
 * @throws `ERR_INPUT` when a token of the layout is missing or two of them are one
 */
export function vocabularyOf(
  ids: ReadonlyMap<string, number>,
  layout: VocabularyLayout,
  size = [...ids.values()].reduce((most, id) => Math.max(most, id), -1) + 1,
): Vocabulary {
  const resolve = (token: TokenReference, role: string): number => {
    const id = typeof token === 'number' ? token : ids.get(token);
    if (id === undefined) throw lacking(`the ${role} ${token}`, 'none of that name');
    if (id >= size) throw lacking(`the ${role} ${token} below ${size}`, `${id}`);
    return id;
  };
  const optional = (token: TokenReference | undefined, role: string) =>
    token === undefined ? undefined : resolve(token, role);
  const codeIds = Int32Array.from({ length: layout.codes.count }, (_, code) =>
    resolve(layout.codes.first === undefined ? codeName(code) : layout.codes.first + code, 'code'),
  );
  const vocabulary = {
    size,
    begin: optional(layout.begin, 'begin of a sequence'),
    imageStart: resolve(layout.imageStart, 'start of an image'),
    imageEnd: resolve(layout.imageEnd, 'end of an image'),
    newLine: resolve(layout.newLine, 'end of a row'),
    stop: resolve(layout.stop, 'end of a turn'),
    stylePlaceholder: optional(layout.stylePlaceholder, 'style placeholder'),
    ...inverse(codeIds),
    codeIds,
    grid: gridOrigin(layout, resolve),
    gridMax: layout.gridMax,
    codesPerUnit: layout.codesPerUnit,
    unitPixels: layout.unitPixels,
  };
  requireDistinct(vocabulary);
  return vocabulary;
}

/** `IMGIMG`, the digits of the code as letters from A, `Z`: Chameleon's name of a code. */
export function codeName(code: number): string {
  const letters = Array.from(`${code}`, (digit) => 'ABCDEFGHIJ'[Number(digit)]!);
  return `IMGIMG${letters.join('')}Z`;
}

/** The code that an id stands for; undefined when it stands for none. */
export function codeOf({ codes, codesById }: Vocabulary, id: number): number | undefined {
  return codesById[id - codes[0]];
}

/** The side that an id stands for, in grid units; undefined when it stands for none. */
export function gridUnitsOf({ grid, gridMax }: Vocabulary, id: number): number | undefined {
  const units = id - grid;
  return Number.isInteger(units) && units >= 1 && units <= gridMax ? units : undefined;
}

function gridOrigin(
  { gridBase, gridMax }: VocabularyLayout,
  resolve: (token: TokenReference, role: string) => number,
): number {
  const ids = Array.from({ length: gridMax }, (_, i) =>
    resolve(`<reserved${`${gridBase + i + 1}`.padStart(5, '0')}>`, 'grid size'),
  );
  const first = ids[0]!;
  const odd = ids.findIndex((id, i) => id !== first + i);
  if (odd >= 0) throw lacking('grid sizes of ids in a row', `${ids[odd]} for ${odd + 1} units`);
  return first - 1;
}

function inverse(codeIds: Int32Array): Pick<Vocabulary, 'codes' | 'codesById'> {
  const first = codeIds.reduce((least, id) => Math.min(least, id));
  const codesById = new Int32Array(codeIds.length).fill(-1);
  codeIds.forEach((id, code) => {
    // Ids that are no code in between would have to be forbidden one by one wherever a code is drawn.
    if (id - first >= codeIds.length || codesById[id - first] !== -1)
      throw lacking(`codes of ${codeIds.length} ids in a row`, `${id} for code ${code}`);
    codesById[id - first] = code;
  });
  return { codes: [first, first + codeIds.length], codesById };
}

function requireDistinct(vocabulary: Vocabulary): void {
  const { begin, imageStart, imageEnd, newLine, stop, stylePlaceholder } = vocabulary;
  const roles = new Map<number, string>();
  const require = (role: string, id: number | undefined) => {
    if (id === undefined) return;
    const other = codeOf(vocabulary, id) === undefined ? roles.get(id) : 'a code';
    if (other !== undefined) throw lacking(`an id of its own for ${role}`, `${id}, ${other}`);
    roles.set(id, role);
  };
  require('the begin of a sequence', begin);
  require('the start of an image', imageStart);
  require('the end of an image', imageEnd);
  require('the end of a row', newLine);
  if (stop !== imageEnd) require('the end of a turn', stop);
  require('the style placeholder', stylePlaceholder);
  for (let units = 1; units <= vocabulary.gridMax; units++)
    require(`a grid size of ${units}`, vocabulary.grid + units);
}

const lacking = (expected: string, got: string): StylearError =>
  new StylearError('ERR_INPUT', `vocabulary: expected the names to have ${expected}, got ${got}`);

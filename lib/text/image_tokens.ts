// A picture as tokens: its start, height, width, rows of codes that each end in a new line, its end.
import { StylearError } from '../error.ts';
import { gridUnitsOf, type Vocabulary } from './vocabulary.ts';

/** The size of a picture in grid units. */
export interface Grid {
  readonly height: number;
  readonly width: number;
}

/** Throws `ERR_VALUE` unless both sides are whole grid units, and no more than the vocabulary has. */
export function gridOfPixels(
  { unitPixels, gridMax }: Vocabulary,
  pixels: { readonly width: number; readonly height: number },
): Grid {
  for (const [side, value] of Object.entries(pixels))
    if (value % unitPixels !== 0 || value < unitPixels || value > unitPixels * gridMax) {
      const expected = `a multiple of ${unitPixels} up to ${unitPixels * gridMax}`;
      throw new StylearError(
        'ERR_VALUE',
        `gridOfPixels: expected ${side} to be ${expected} pixels, got ${value}`,
      );
    }
  return { height: pixels.height / unitPixels, width: pixels.width / unitPixels };
}

/** How many rows and columns of codes a picture has. */
export const codeShape = ({ codesPerUnit }: Vocabulary, { height, width }: Grid) => ({
  rows: height * codesPerUnit,
  columns: width * codesPerUnit,
});

/** How many tokens a picture takes, its start and end included: 2,356 at 768 x 768 pixels. */
export function imageTokenCount(vocabulary: Vocabulary, grid: Grid): number {
  const { rows, columns } = codeShape(vocabulary, grid);
  return rows * (columns + 1) + 4;
}

/**
 * The tokens of a picture.
 *
 * @param codes  `[rows, columns]` of codes in [0, codes), `codesPerUnit` each way for a grid unit
 * @throws `ERR_VALUE` for another count, a code out of range or a side that has no token
 */
export function imageTokens(
  vocabulary: Vocabulary,
  grid: Grid,
  codes: ArrayLike<number>,
): number[] {
  const { rows, columns } = codeShape(vocabulary, grid);
  const [height, width] = [vocabulary.grid + grid.height, vocabulary.grid + grid.width];
  if ([height, width].some((id) => gridUnitsOf(vocabulary, id) === undefined)) {
    const got = `${grid.height} x ${grid.width}`;
    throw wrong('the grid', `sides from 1 to ${vocabulary.gridMax}`, got);
  }
  if (codes.length !== rows * columns)
    throw wrong('codes', `${rows} x ${columns} codes`, `${codes.length}`);
  const tokens = [vocabulary.imageStart, height, width];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const code = codes[row * columns + column]!;
      const id = vocabulary.codeIds[code];
      if (id === undefined)
        throw wrong('codes', `below ${vocabulary.codeIds.length}`, `${code} in row ${row}`);
      tokens.push(id);
    }
    tokens.push(vocabulary.newLine);
  }
  tokens.push(vocabulary.imageEnd);
  return tokens;
}

const wrong = (what: string, expected: string, got: string): StylearError =>
  new StylearError('ERR_VALUE', `imageTokens: expected ${what} to be ${expected}, got ${got}`);

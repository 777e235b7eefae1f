import { describe, expect, test } from 'vitest';
import {
  codeShape,
  gridOfPixels,
  imageTokenCount,
  imageTokens,
} from '../../lib/text/image_tokens.ts';
import { vocabulary } from './chameleon.ts';
import { golden, goldenJson } from './golden.ts';

describe('the tokens of a picture', () => {
  test('are its start, height, width, rows that end in new lines, and its end', () => {
    const codes = Array.from({ length: 8 }, (_, i) => 10 * i);
    expect(imageTokens(vocabulary, { height: 1, width: 2 }, codes)).toEqual([
      ...[8197, 8805, 8806],
      ...[4, 14, 24, 34, 8803],
      ...[44, 54, 64, 74, 8803],
      8196,
    ]);
  });

  test('are 2,356 at 768 x 768 pixels, and 2,140 to 2,404 at the sizes of its area', () => {
    const count = (width: number, height: number) =>
      imageTokenCount(vocabulary, gridOfPixels(vocabulary, { width, height }));
    expect([count(768, 768), count(1216, 448), count(384, 1536)]).toEqual([2356, 2160, 2404]);
  });

  test.each<[string, number, number, readonly number[], string]>([
    ['no height', 0, 1, [], 'the grid to be sides from 1 to 128, got 0 x 1'],
    ['half a unit', 1.5, 1, [0, 0, 0, 0, 0, 0], 'the grid to be sides from 1 to 128, got 1.5 x 1'],
    ['a width that has no token', 1, 129, [], 'the grid to be sides from 1 to 128, got 1 x 129'],
    ['a code too few', 1, 1, [0, 1, 2], 'codes to be 2 x 2 codes, got 3'],
    ['a code too large', 1, 1, [0, 1, 2, 8192], 'codes to be below 8192, got 8192 in row 1'],
    ['a negative code', 1, 1, [-1, 1, 2, 3], 'codes to be below 8192, got -1 in row 0'],
  ])('with %s are refused', (_, height, width, codes, message) => {
    const make = () => imageTokens(vocabulary, { height, width }, codes);
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_VALUE' }));
    expect(make).toThrow(`imageTokens: expected ${message}`);
  });

  test.each([
    [{ width: 768, height: 700 }, 'height to be a multiple of 32 up to 4096 pixels, got 700'],
    [{ width: 0, height: 32 }, 'width to be a multiple of 32 up to 4096 pixels, got 0'],
    [{ width: 4128, height: 32 }, 'width to be a multiple of 32 up to 4096 pixels, got 4128'],
    [{ width: Number.NaN, height: 32 }, 'width to be a multiple of 32 up to 4096 pixels, got NaN'],
  ])('are of no size such as %o', (pixels, message) => {
    expect(() => gridOfPixels(vocabulary, pixels)).toThrow(`gridOfPixels: expected ${message}`);
  });
});

test('a picture has codesPerUnit codes along a side of a grid unit', () => {
  const grid = { height: 2, width: 3 };
  expect(codeShape({ ...vocabulary, codesPerUnit: 4 }, grid)).toEqual({ rows: 8, columns: 12 });
});

describe.skipIf(!golden)('of the golden fixtures', () => {
  interface Image {
    readonly image: string;
    readonly crop: readonly [number, number];
    readonly tokens: readonly number[];
    readonly codes: readonly number[];
  }
  const images: readonly Image[] = golden ? goldenJson('items', 'images.json').images : [];

  test.each(images)('$image is its codes between its marks', ({ codes, crop, tokens }) => {
    const grid = gridOfPixels(vocabulary, { width: crop[0], height: crop[1] });
    expect(imageTokens(vocabulary, grid, codes)).toEqual(tokens);
  });
});

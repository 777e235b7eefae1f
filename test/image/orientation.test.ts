import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { orientationInXmp, orientationOf, upright } from '../../lib/image/orientation.ts';
import { makePicture, type Orientation } from '../../lib/image/picture.ts';
import { modes, noise } from './pictures.ts';

// What EXIF 2.32 (4.6.4.A) says of the first row and the first column of a file.
const seen = [
  [1, 'ab/cd/ef'],
  [2, 'ba/dc/fe'],
  [3, 'fe/dc/ba'],
  [4, 'ef/cd/ab'],
  [5, 'ace/bdf'],
  [6, 'eca/fdb'],
  [7, 'fdb/eca'],
  [8, 'bdf/ace'],
] as const;

describe('upright', () => {
  test.each(seen)('shows ab/cd/ef of orientation %i as %s', (orientation, want) => {
    const picture = makePicture('L', 2, 3, Buffer.from('abcdef'), { orientation });
    const { width, height, pixels, ...rest } = upright(picture);
    const text = Buffer.from(pixels).toString();
    const rows = Array.from({ length: height }, (_, y) => text.slice(y * width, (y + 1) * width));
    expect(rows.join('/')).toBe(want);
    expect(rest.orientation).toBe(1);
  });

  test('keeps the channels of a pixel together, in every mode', () => {
    for (const mode of modes) {
      const picture = noise(mode, 3, 2, 1, { orientation: 8 });
      const back = { ...upright(picture), orientation: 6 as const };
      expect([...upright(back).pixels]).toEqual([...picture.pixels]);
    }
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8] as const)(
    'shows every pixel of a picture of more than a strip in orientation %i',
    (orientation) => {
      const [width, height] = [131, 67];
      const { pixels } = noise('RGB', width, height);
      const want: number[] = [];
      const [columns, rows] = orientation >= 5 ? [height, width] : [width, height];
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const [x, y] = orientation >= 5 ? [row, column] : [column, row];
          const fromX = [2, 3, 7, 8].includes(orientation) ? width - 1 - x : x;
          const fromY = [3, 4, 6, 7].includes(orientation) ? height - 1 - y : y;
          const at = (fromY * width + fromX) * 3;
          want.push(...pixels.subarray(at, at + 3));
        }
      }
      const got = upright(makePicture('RGB', width, height, pixels, { orientation }));
      expect([got.width, got.height]).toEqual([columns, rows]);
      expect([...got.pixels]).toEqual(want);
    },
  );

  test('is undone by the opposite orientation', () => {
    const opposite = { 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6 } as const;
    const any = fc.constantFrom<Orientation>(1, 2, 3, 4, 5, 6, 7, 8);
    const side = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(any, side, side, fc.nat(), (orientation, width, height, seed) => {
        const picture = noise('RGB', width, height, seed, { orientation });
        const back = upright({ ...upright(picture), orientation: opposite[orientation] });
        expect(back).toEqual({ ...picture, orientation: 1 });
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

test('numbers that EXIF does not define are no orientation', () => {
  expect([undefined, 0, 9, -1, 1.5, 65535].map(orientationOf)).toEqual([1, 1, 1, 1, 1, 1]);
  expect([1, 6, 8].map(orientationOf)).toEqual([1, 6, 8]);
});

test('orientationInXmp finds an attribute or an element', () => {
  const of = (text: string) => orientationInXmp(Buffer.from(text));
  expect(of('<rdf:Description tiff:Orientation="6" x="y"/>')).toBe(6);
  expect(of('<tiff:Orientation>3</tiff:Orientation>')).toBe(3);
  expect(of('<rdf:Description/>')).toBeUndefined();
});

import { describe, expect, test } from 'vitest';
import { makePicture } from '../../lib/image/picture.ts';
import { fitted, pictureGrid } from '../../lib/image/picture_grid.ts';
import { expectRefusal } from '../support/op_case.ts';

const grey = (width: number, height: number, level: number) =>
  makePicture('L', width, height, new Uint8Array(width * height).fill(level));

/** A letter per pixel: `.` is white. */
function drawn(rows: Parameters<typeof pictureGrid>[0], gap: number): string[] {
  const { width, height, pixels } = pictureGrid(rows, { gap });
  const letter = (at: number) => (pixels[3 * at] === 255 ? '.' : `${pixels[3 * at]}`);
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => letter(y * width + x)).join(''),
  );
}

describe('a grid of pictures', () => {
  test('has a cell for the largest, white around it, and smaller ones in the middle', () => {
    expect(
      drawn(
        [
          [grey(3, 2, 1), grey(1, 2, 2)],
          [undefined, grey(2, 1, 3)],
        ],
        1,
      ),
    ).toEqual([
      '.........',
      '.111..2..',
      '.111..2..',
      '.........',
      '.....33..',
      '.........',
      '.........',
    ]);
  });

  test('shows white where a picture is transparent', () => {
    const clear = makePicture('RGBA', 1, 1, Uint8Array.of(9, 9, 9, 0));
    expect(drawn([[clear, grey(1, 1, 5)]], 0)).toEqual(['.5']);
  });

  test('of nothing is refused', () => {
    const message = 'pictureGrid: expected rows to be of at least one picture, got none';
    expectRefusal(() => pictureGrid([[], [undefined]]), 'ERR_VALUE', message);
  });
});

describe('a picture that is fitted into a square', () => {
  test('keeps its shape', () => {
    expect(fitted(grey(300, 150, 7), 96)).toMatchObject({ width: 96, height: 48 });
    expect(fitted(grey(1, 500, 7), 96)).toMatchObject({ width: 1, height: 96 });
    expect(fitted(grey(10, 10, 7), 96)).toMatchObject({ width: 96, height: 96 });
  });
});

test('pictureGrid takes a gap of undefined for one that is not told', () => {
  const rows = [[grey(3, 2, 7)]];
  expect(pictureGrid(rows, { gap: undefined })).toEqual(pictureGrid(rows));
});

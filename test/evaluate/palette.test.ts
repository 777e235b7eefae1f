import { describe, expect, test } from 'vitest';
import { paletteDistance, paletteStatistics } from '../../lib/evaluate/palette.ts';
import { makePicture, type Picture } from '../../lib/image/picture.ts';

type Colour = readonly [number, number, number];

/** A picture whose left `share` has one colour and whose rest another. */
function halves(left: Colour, right: Colour, share = 0.5, side = 48): Picture {
  const pixels = new Uint8Array(side * side * 3);
  for (let i = 0; i < side * side; i++) pixels.set((i % side) / side < share ? left : right, 3 * i);
  return makePicture('RGB', side, side, pixels);
}

const white = [255, 255, 255] as const;
const black = [0, 0, 0] as const;
const red = [220, 30, 30] as const;
const blue = [30, 30, 220] as const;
const distance = (a: Picture, b: Picture) =>
  paletteDistance(paletteStatistics(a), paletteStatistics(b));

describe('the palette distance', () => {
  test('is 0 for the same colours in other places', () => {
    expect(distance(halves(red, blue), halves(blue, red))).toBe(0);
  });

  test('of black to white is the mean length of lightness along its directions', () => {
    // 9 of 13 directions have a share of lightness: 1 of them whole, 4 of two axes, 4 of three.
    const mean = (1 + 4 / Math.SQRT2 + 4 / Math.sqrt(3)) / 13;
    expect(distance(halves(white, white), halves(black, black))).toBeCloseTo(mean, 6);
  });

  test('grows with the share of a colour, in proportion to it', () => {
    const plain = halves(white, white);
    const quarter = distance(plain, halves(red, white, 0.25));
    const half = distance(plain, halves(red, white, 0.5));
    expect(quarter).toBeGreaterThan(0.03);
    expect(half / quarter).toBeCloseTo(2, 1);
  });

  test('does not depend on the size of the picture', () => {
    expect(distance(halves(red, blue), halves(red, blue, 0.5, 96))).toBe(0);
  });

  test('tells hues of one lightness apart', () => {
    expect(distance(halves(red, red), halves(blue, blue))).toBeGreaterThan(0.1);
  });
});

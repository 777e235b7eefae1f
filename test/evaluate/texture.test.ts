import { describe, expect, test } from 'vitest';
import { textureDistance, textureStatistics } from '../../lib/evaluate/texture.ts';
import { makePicture, type Picture } from '../../lib/image/picture.ts';

/** A picture of 96 x 96 whose levels are a function of the place. */
const drawn = (level: (x: number, y: number) => number): Picture =>
  makePicture(
    'RGB',
    96,
    96,
    Uint8Array.from({ length: 96 * 96 * 3 }, (_, i) =>
      level(Math.floor(i / 3) % 96, Math.floor(i / 288)),
    ),
  );
const stripes = (period: number, shift = 0) =>
  drawn((x) => ((x + shift) % period < period / 2 ? 60 : 200));
const distance = (a: Picture, b: Picture) =>
  textureDistance(textureStatistics(a), textureStatistics(b));

describe('the texture distance', () => {
  test('is small between the same pattern in other places', () => {
    expect(distance(stripes(8), stripes(8, 4))).toBeLessThan(0.02);
  });

  test('tells fine from coarse, and upright from level', () => {
    const level = drawn((_, y) => (y % 8 < 4 ? 60 : 200));
    expect(distance(stripes(8), stripes(16))).toBeGreaterThan(0.2);
    expect(distance(stripes(8), level)).toBeGreaterThan(0.2);
  });

  test('of plain pictures is 0, whatever their colour', () => {
    expect(
      distance(
        drawn(() => 20),
        drawn(() => 230),
      ),
    ).toBeLessThan(1e-9);
  });

  test('has for a slope of lightness its steps, at every scale', () => {
    // Greys whose lightness grows by nearly the same from column to column.
    const slope = textureStatistics(drawn((x) => 50 + 2 * x));
    const pairs = slope.length / 3;
    const steps = [0, 1, 2].map((scale) => Math.exp(slope[scale * pairs]!) - 0.004);
    expect(steps[1]! / steps[0]!).toBeCloseTo(2, 1);
    expect(steps[2]! / steps[0]!).toBeCloseTo(4, 0);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bestCropSize, cropSizes } from '../../lib/image/crop_sizes.ts';
import { drawCropOffset, fitCrop, planCrop } from '../../lib/image/fit_crop.ts';
import { crop } from '../../lib/image/picture.ts';
import { resize } from '../../lib/image/resize.ts';
import { noise } from './pictures.ts';

describe('planCrop', () => {
  test('halves while both sides are twice the crop, then meets one side', () => {
    const plan = planCrop({ width: 2311, height: 2500 }, { width: 512, height: 512 });
    expect(plan).toEqual({
      halvings: [
        { width: 1155, height: 1250 },
        { width: 577, height: 625 },
      ],
      resized: { width: 512, height: 555 },
      crop: { width: 512, height: 512 },
      slack: { left: 0, top: 43 },
    });
  });

  test.each([
    [41, 102],
    [43, 108],
  ])('rounds %i times 2.5 to the even neighbour, %i', (width, rounded) => {
    const { resized } = planCrop({ width, height: 40 }, { width: 100, height: 100 });
    expect(resized).toEqual({ width: rounded, height: 100 });
  });

  test.each([
    [{ width: 4, height: 4 }, { width: 0, height: 0 }, 'crop', '0 x 0'],
    [{ width: 4, height: 4 }, { width: 2, height: 1.5 }, 'crop', '2 x 1.5'],
    [{ width: Number.NaN, height: 4 }, { width: 2, height: 2 }, 'from', 'NaN x 4'],
  ])('refuses %j to %j', (from, to, what, got) => {
    expect(() => planCrop(from, to)).toThrow(
      expect.objectContaining({
        code: 'ERR_VALUE',
        message: `planCrop: expected ${what} to be whole numbers from 1, got ${got}`,
      }),
    );
  });

  test('leaves room for the crop, whatever the picture', () => {
    const side = fc.integer({ min: 1, max: 16384 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const size = bestCropSize({ width, height }, cropSizes(512));
        const { slack } = planCrop({ width, height }, size);
        expect(Math.min(slack.left, slack.top)).toBe(0);
        expect(Math.max(slack.left, slack.top)).toBeGreaterThanOrEqual(0);
      }),
      { seed: 1, numRuns: 1000 },
    );
  });
});

describe('drawCropOffset', () => {
  const plan = planCrop({ width: 5, height: 9 }, { width: 4, height: 4 });

  test('depends on the seed and the index alone', () => {
    expect(plan.slack).toEqual({ left: 0, top: 3 });
    expect(drawCropOffset(plan, 7)).toEqual(drawCropOffset(plan, 7, 0));
    const tops = (draw: (i: number) => { top: number }) =>
      Array.from({ length: 40 }, (_, i) => draw(i).top).join('');
    const [bySeed, byIndex] = [
      tops((seed) => drawCropOffset(plan, seed)),
      tops((index) => drawCropOffset(plan, 3, index)),
    ];
    expect(new Set([bySeed, byIndex, tops((i) => drawCropOffset(plan, i * 2 ** 32))]).size).toBe(3);
  });

  test('gives every offset of the slack equally often, both ends included', () => {
    const draws = 4000;
    const counts = [0, 0, 0, 0];
    for (let seed = 0; seed < draws; seed++) {
      const { left, top } = drawCropOffset(plan, seed);
      expect(left).toBe(0);
      counts[top]!++;
    }
    // Five standard deviations of a binomial with p = 1/4.
    const most = 5 * Math.sqrt(draws * 0.25 * 0.75);
    for (const count of counts) expect(Math.abs(count - draws / 4)).toBeLessThan(most);
  });
});

describe('fitCrop', () => {
  test('is halving, resizing and cropping, one after the other', () => {
    const picture = noise('RGBA', 61, 37, 2);
    const size = { width: 12, height: 16 };
    const { halvings, resized } = planCrop(picture, size);
    expect(halvings).toEqual([{ width: 30, height: 18 }]);
    let steps = picture;
    for (const { width, height } of halvings)
      steps = resize(steps, width, height, { filter: 'box' });
    steps = resize(steps, resized.width, resized.height);
    expect(fitCrop(picture, size, { left: 3, top: 0 })).toEqual(crop(steps, 3, 0, 12, 16));
  });

  test('says how far the offset may go', () => {
    const picture = noise('L', 5, 9);
    const size = { width: 4, height: 4 };
    for (const offset of [
      { left: 1, top: 0 },
      { left: 0, top: 4 },
      { left: -1, top: 0 },
      { left: 0, top: 0.5 },
    ]) {
      expect(() => fitCrop(picture, size, offset)).toThrow(
        `fitCrop: expected offset to be whole numbers up to 0, 3, got ${offset.left}, ${offset.top}`,
      );
    }
  });

  test('crops the thinnest picture there may be', () => {
    const strip = noise('RGB', 16384, 1);
    const size = bestCropSize(strip, cropSizes(768));
    const got = fitCrop(strip, size, { left: 6_000_000, top: 0 });
    expect([got.width, got.height]).toEqual([1536, 384]);
  });
});

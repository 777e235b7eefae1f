import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bestCropSize, cropSizes, type Size } from '../../lib/image/crop_sizes.ts';

describe('cropSizes', () => {
  test('has as many sizes as the reference', () => {
    expect([512, 768, 1024].map((target) => cropSizes(target).length)).toEqual([49, 73, 97]);
    expect(cropSizes(512, { unit: undefined, maxAspect: undefined })).toEqual(cropSizes(512));
  });

  test('goes from the widest to the tallest by single steps, as large as the area allows', () => {
    const units = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(
        units,
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 1, max: 6 }),
        (side, unit, maxAspect) => {
          const sizes = cropSizes(side * unit, { unit, maxAspect });
          const grid = sizes.map(({ width, height }) => [width / unit, height / unit] as const);
          for (const [i, [columns, rows]] of grid.entries()) {
            expect(Number.isInteger(columns) && Number.isInteger(rows)).toBe(true);
            expect(columns * rows).toBeLessThanOrEqual(side * side);
            // Neither side could grow but at the other's cost, or this is a corner of the staircase.
            expect((columns + 1) * (rows + 1)).toBeGreaterThan(side * side);
            expect(Math.max(columns, rows) / Math.min(columns, rows)).toBeLessThanOrEqual(
              maxAspect,
            );
            if (i === 0) continue;
            const [before, under] = grid[i - 1]!;
            expect([before - columns, rows - under].sort()).toEqual([0, 1]);
          }
          expect(sizes).toContainEqual({ width: side * unit, height: side * unit });
        },
      ),
      { seed: 1, numRuns: 200 },
    );
  });

  test.each([
    [31, {}, 'target to be from 32 to 16384, got 31'],
    [Number.NaN, {}, 'target to be from 32 to 16384, got NaN'],
    [100_000, {}, 'target to be from 32 to 16384, got 100000'],
    [64, { unit: 0 }, 'unit to be from 1 to 4096, got 0'],
    [64, { maxAspect: 0.5 }, 'maxAspect to be from 1 to'],
  ])('refuses %d of %j', (target, options, message) => {
    expect(() => cropSizes(target, options)).toThrow(`cropSizes: expected ${message}`);
  });
});

describe('bestCropSize', () => {
  const side = fc.integer({ min: 1, max: 3000 });
  const keeps = ({ width, height }: Size, crop: Size) => {
    const [across, down] = [crop.width / width, crop.height / height];
    return Math.min(across, down) / Math.max(across, down);
  };

  test('keeps at least as much of a picture as any other size', () => {
    const sizes = cropSizes(768);
    fc.assert(
      fc.property(side, side, (width, height) => {
        const best = bestCropSize({ width, height }, sizes);
        const most = Math.max(...sizes.map((size) => keeps({ width, height }, size)));
        expect(keeps({ width, height }, best)).toBe(most);
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  test('is the wider of two that keep the same', () => {
    const sizes = [
      { width: 64, height: 128 },
      { width: 128, height: 64 },
      { width: 96, height: 192 },
    ];
    expect(bestCropSize({ width: 10, height: 10 }, sizes)).toEqual({ width: 128, height: 64 });
    expect(bestCropSize({ width: 1, height: 2 }, sizes)).toEqual({ width: 96, height: 192 });
  });

  test('needs a size', () => {
    expect(() => bestCropSize({ width: 1, height: 1 }, [])).toThrow('expected sizes');
  });
});

// What a model is opened with, and what is said of options that are out of their ranges.
import { describe, expect, test } from 'vitest';
import { type EstimateMemoryOptions, type LoadOptions, StyleAR } from '../../lib/index.ts';
import { withSmallModel } from '../support/small_model.ts';
import { leastCacheBytes, requestFor } from './small.ts';

const nan = Number.NaN;

withSmallModel('load', ({ folder }) => {
  test.each<[Record<string, unknown>, string]>([
    [{ dtype: 'f16' }, 'load: expected dtype to be f32 or bf16, got "f16"'],
    [{ cacheBytes: 0 }, 'load: expected cacheBytes to be a whole number of bytes from 1, got 0'],
    [{ cacheBytes: nan }, 'load: expected cacheBytes to be a whole number of bytes'],
    [{ cacheBytes: '1' }, 'load: expected cacheBytes to be a whole number of bytes'],
    [{ cacheBytes: 100 }, 'load: expected cacheBytes to be at least 12288, a page, got 100'],
    [{ threads: 0 }, 'load: expected threads to be a whole number from 1 to 1024, got 0'],
    [{ device: null }, 'load: expected device to be a device or the name of one, got null'],
    [{ recorded: 1 }, 'load: expected recorded to be true or false, got 1'],
  ])('%j is refused', async (options, message) => {
    await expect(StyleAR.load(folder, options as LoadOptions)).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message: expect.stringContaining(message),
    });
  });

  test.each<[Record<string, unknown>, string]>([
    [{ dtype: 'f16' }, 'estimate: expected dtype to be f32 or bf16'],
    [{ cacheBytes: -5 }, 'estimate: expected cacheBytes to be a whole number of bytes from 1'],
    [{ rows: nan }, 'estimate: expected rows to be a whole number from 1'],
    [{ size: {} }, 'estimate: expected size.width to be a whole number from 1'],
    [{ size: { width: 0, height: 8 } }, 'estimate: expected size.width to be a whole number'],
  ])('%j is refused by an estimate', (options, message) => {
    expect(() => StyleAR.estimate(folder, options as EstimateMemoryOptions)).toThrow(message);
  });

  test.each([{}, null, 7, []])('%j instead of a folder is refused', async (from) => {
    await expect(StyleAR.load(from as unknown as string)).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message: expect.stringMatching(/^load: expected (from|transformer) to be a .*path/),
    });
  });

  test('an estimate is in the dtype of the weights unless told', () => {
    const told = (options: EstimateMemoryOptions) => StyleAR.estimate(folder, options).cache;
    expect(told({})).toBe(told({ dtype: 'bf16' }));
    expect(2 * told({})).toBe(told({ dtype: 'f32' }));
  });

  describe('a cache that has room for no picture', () => {
    test('is told of by the bytes that it needs', async () => {
      const cacheBytes = await leastCacheBytes(folder, requestFor(1));
      await using stylear = await StyleAR.load(folder, { threads: 1, cacheBytes });
      expect((await stylear.draw(requestFor(1))).tokens.length).toBeGreaterThan(4);
    });
  });
});

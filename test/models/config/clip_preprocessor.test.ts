import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readClipPreprocessorConfig } from '../../../lib/models/config/clip_preprocessor.ts';
import { fixtures, hasFixtures, temporaryFolder } from './folder.ts';

const { path: folder, write } = temporaryFolder();

/** As older releases write it. */
const config = {
  crop_size: 224,
  do_center_crop: true,
  do_normalize: true,
  do_resize: true,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
  resample: 3,
  size: 224,
};

const read = (change: Record<string, unknown> = {}) => {
  write('preprocessor_config.json', { ...config, ...change });
  return readClipPreprocessorConfig(folder);
};

describe('readClipPreprocessorConfig', () => {
  test('reads sizes as older and newer releases write them', () => {
    const expected = {
      shortestEdge: 224,
      crop: [224, 224],
      mean: config.image_mean,
      deviation: config.image_std,
    };
    expect(read()).toEqual(expected);
    const newer = { size: { shortest_edge: 224 }, crop_size: { height: 224, width: 224 } };
    expect(read({ ...newer, do_rescale: true, rescale_factor: 0.00392156862745098 })).toEqual(
      expected,
    );
  });

  test.each([
    ['another filter', { resample: 2 }, 'resample to be 3, got 2'],
    ['a step left out', { do_normalize: false }, 'do_normalize to be true, got false'],
    ['another scale', { rescale_factor: 1 / 127.5 }, 'rescale_factor to be a number in'],
    [
      'two channels',
      { image_mean: [0, 0] },
      'image_mean to be a list of 3 to 3 values, got a list of 2',
    ],
    [
      'a deviation of 0',
      { image_std: [1, 0, 1] },
      'image_std.1 to be a number in [0.000001, 10], got 0',
    ],
    [
      'a size in both sides',
      { size: { height: 1, width: 1 } },
      'size to be a side, or an object of sides, got an object',
    ],
    [
      'a size beyond bounds',
      { crop_size: 1e6 },
      'crop_size to be a whole number in [1, 16384], got 1000000',
    ],
  ])('refuses %s', (_, change, message) => {
    expect(() => read(change)).toThrow(`${folder}/preprocessor_config.json: expected ${message}`);
  });
});

test.skipIf(!hasFixtures)('readClipPreprocessorConfig reads the golden fixtures', () => {
  expect(readClipPreprocessorConfig(join(fixtures, 'clip/ckpt')).crop).toEqual([56, 56]);
  expect(readClipPreprocessorConfig(join(fixtures, 'clip_quick_gelu/ckpt')).shortestEdge).toBe(28);
});

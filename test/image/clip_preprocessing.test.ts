import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readClipPreprocessing } from '../../lib/image/clip_preprocessing.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-clip-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('readClipPreprocessing', () => {
  const config = {
    size: { shortest_edge: 224 },
    crop_size: { height: 224, width: 200 },
    image_mean: [0.1, 0.2, 0.3],
    image_std: [0.4, 0.5, 0.6],
    resample: 2,
    image_processor_type: 'CLIPImageProcessor',
  };
  const read = (content: unknown) => {
    const path = join(folder, 'preprocessor_config.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return readClipPreprocessing(path);
  };

  test('reads the form of today, with what is left out as CLIP has it', () => {
    expect(read(config)).toEqual({
      shortSide: 224,
      crop: { width: 200, height: 224 },
      filter: 'bilinear',
      rescale: 1 / 255,
      mean: [0.1, 0.2, 0.3],
      std: [0.4, 0.5, 0.6],
    });
    expect(read({ ...config, resample: undefined }).filter).toBe('bicubic');
  });

  test('reads the older form, of plain numbers', () => {
    const { shortSide, crop } = read({ ...config, size: 56, crop_size: 48 });
    expect({ shortSide, crop }).toEqual({ shortSide: 56, crop: { width: 48, height: 48 } });
  });

  test.each([
    [
      'size to be a side, or an object with its shortest_edge, got {"height":224,"width":224}',
      { size: { height: 224, width: 224 } },
    ],
    ['size to be a whole number from 1 to 4096, got 0', { size: 0 }],
    ['size to be a whole number from 1 to 4096, got 100000', { size: 100_000 }],
    ['crop_size to be a side, or an object with width and height, got 1.5', { crop_size: 1.5 }],
    ['crop_size to be at most size, 224, got 225 x 225', { crop_size: 225 }],
    ['resample to be 0, 2, 3 or 4, got 1', { resample: 1 }],
    ['do_rescale to be true, got false', { do_rescale: false }],
    ['image_mean to be three numbers, of red, green and blue, got [0.5]', { image_mean: [0.5] }],
    [
      'image_mean to be three numbers, of red, green and blue, got nothing',
      { image_mean: undefined },
    ],
    ['image_std.1 to be a number from 0.000001 to 10, got 0', { image_std: [0.5, 0, 0.5] }],
    ['rescale_factor to be a number from 1e-9 to 1, got 0', { rescale_factor: 0 }],
  ])('says: expected %s', (message, change) => {
    expect(() => read({ ...config, ...change })).toThrow(
      expect.objectContaining({
        code: 'ERR_INPUT',
        message: expect.stringContaining(`preprocessor_config.json: expected ${message}`),
      }),
    );
  });

  test('refuses what is no file, or no JSON', () => {
    expect(() => readClipPreprocessing(join(folder, 'none'))).toThrow(
      'none: expected the config to be readable JSON, got ENOENT',
    );
    expect(() => read('{')).toThrow('expected the config to be readable JSON');
    expect(() => read('7')).toThrow('expected the config to be an object, got 7');
  });
});

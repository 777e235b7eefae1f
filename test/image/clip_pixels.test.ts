import { describe, expect, test } from 'vitest';
import { clipCrop, clipPixels } from '../../lib/image/clip_pixels.ts';
import type { ClipPreprocessing } from '../../lib/image/clip_preprocessing.ts';
import { crop } from '../../lib/image/picture.ts';
import { resize } from '../../lib/image/resize.ts';
import { noise } from './pictures.ts';

const preprocessing: ClipPreprocessing = {
  shortSide: 8,
  crop: { width: 8, height: 6 },
  filter: 'bicubic',
  rescale: 1 / 255,
  mean: [0.5, 0.25, 0.125],
  std: [0.5, 0.3, 0.7],
};

describe('clipCrop', () => {
  test('resizes the short side, cuts the long one short, and crops the middle', () => {
    // 8 * 31 / 20 is 12.4; (12 - 8) / 2 is 2, (8 - 6) / 2 is 1.
    const wide = noise('RGB', 31, 20);
    expect(clipCrop(wide, preprocessing)).toEqual(crop(resize(wide, 12, 8), 2, 1, 8, 6));
    // (13 - 6) / 2 is 3.5.
    const tall = noise('RGB', 20, 34);
    expect(clipCrop(tall, preprocessing)).toEqual(crop(resize(tall, 8, 13), 0, 3, 8, 6));
  });

  test('turns a picture upright first', () => {
    const turned = noise('RGB', 31, 20, 1, { orientation: 6 });
    const { width, height } = clipCrop(turned, { ...preprocessing, crop: { width: 8, height: 8 } });
    expect([width, height]).toEqual([8, 8]);
    expect(clipCrop(turned, preprocessing)).not.toEqual(
      clipCrop({ ...turned, orientation: 1 }, preprocessing),
    );
  });

  test('drops alpha before it resizes', () => {
    const { pixels, ...rest } = noise('RGBA', 9, 9);
    const opaque = { ...rest, pixels: pixels.map((level, i) => (i % 4 === 3 ? 255 : level)) };
    expect(clipCrop({ ...rest, pixels }, preprocessing)).toEqual(clipCrop(opaque, preprocessing));
  });
});

describe('clipPixels', () => {
  const pictures = [noise('RGB', 31, 20), noise('L', 12, 12)];

  test('is the crop, normalised in f32, pixel by pixel', () => {
    const got = clipPixels(pictures, preprocessing);
    expect(got.length).toBe(2 * 6 * 8 * 3);
    const levels = pictures.flatMap((picture) => [...clipCrop(picture, preprocessing).pixels]);
    const { fround } = Math;
    levels.forEach((level, i) => {
      const { mean, std } = preprocessing;
      const centred = fround(fround(level / 255) - fround(mean[i % 3]!));
      expect(got[i]).toBe(fround(centred / fround(std[i % 3]!)));
    });
  });

  test('takes a layout of undefined for one that is not told', () => {
    const told = clipPixels(pictures, preprocessing, { layout: undefined });
    expect(told).toEqual(clipPixels(pictures, preprocessing));
  });

  test('has planes in the layout NCHW', () => {
    const [pixels, planes] = (['NHWC', 'NCHW'] as const).map((layout) =>
      clipPixels(pictures, preprocessing, { layout }),
    ) as [Float32Array, Float32Array];
    for (const [image, y, x, channel] of [
      [0, 0, 0, 0],
      [0, 5, 7, 2],
      [1, 2, 3, 1],
    ] as const) {
      const pixel = ((image * 6 + y) * 8 + x) * 3 + channel;
      expect(planes[((image * 3 + channel) * 6 + y) * 8 + x]).toBe(pixels[pixel]);
    }
  });
});

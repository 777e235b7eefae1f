import { describe, expect, test } from 'vitest';
import { makePicture } from '../../lib/image/picture.ts';
import { pictureOfVqganPixels, vqganPixels } from '../../lib/image/vqgan_pixels.ts';
import { noise } from './pictures.ts';

describe('vqganPixels', () => {
  test('spreads every level over [-1, 1], rounded once', () => {
    const levels = Uint8Array.from({ length: 256 }, (_, level) => level);
    const got = vqganPixels(makePicture('L', 256, 1, levels));
    levels.forEach((level) => {
      expect(got[3 * level + 1]).toBe(Math.fround((level / 255) * 2 - 1));
    });
    expect([got[0], got[767]]).toEqual([-1, 1]);
  });

  test('puts what is transparent on white', () => {
    const clear = makePicture('RGBA', 1, 1, Uint8Array.of(0, 0, 0, 0));
    expect([...vqganPixels(clear)]).toEqual([1, 1, 1]);
  });
});

describe('pictureOfVqganPixels', () => {
  test('cuts to whole levels, and clamps', () => {
    const x = Float32Array.of(-1, 1, 0, -7, Number.POSITIVE_INFINITY, 0.999);
    const got = pictureOfVqganPixels(x, 2, 1);
    expect(got).toMatchObject({ mode: 'RGB', width: 2, height: 1 });
    expect([...got.pixels]).toEqual([0, 255, 127, 0, 255, 254]);
  });

  test('gives back what vqganPixels took, but for a level where cutting falls short', () => {
    const picture = noise('RGB', 40, 40);
    const back = pictureOfVqganPixels(vqganPixels(picture), 40, 40).pixels;
    picture.pixels.forEach((level, i) => {
      expect([level, Math.max(level - 1, 0)]).toContain(back[i]);
    });
  });

  test('refuses NaN, and pixels of another picture', () => {
    const nan = Float32Array.of(0, 0, Number.NaN);
    expect(() => pictureOfVqganPixels(nan, 1, 1)).toThrow(
      'pictureOfVqganPixels: expected pixels to be numbers, got NaN at 2',
    );
    expect(() => pictureOfVqganPixels(new Float32Array(6), 1, 1)).toThrow('to be 3 bytes, got 6');
  });
});

import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { checkPicture } from '../../lib/image/check_picture.ts';
import { makePicture } from '../../lib/image/picture.ts';
import { modes, noise } from './pictures.ts';

const fault = (picture: unknown): string => {
  try {
    checkPicture(picture, 'style');
    return 'none';
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code} ${message}`;
  }
};

const good = noise('RGB', 3, 2);

describe('checkPicture', () => {
  test('gives back what is a picture', () => {
    for (const mode of modes) {
      const picture = noise(mode, 3, 2, 1, { orientation: 8, paletted: true });
      expect(checkPicture(picture, 'style')).toBe(picture);
    }
    expect(fault({ ...good, pixels: Buffer.from(good.pixels) })).toBe('none');
    expect(fault(noise('L', 2, 2, 1, { transparentLevel: 255 }))).toBe('none');
    expect(fault(noise('L', 16_384, 1))).toBe('none');
  });

  test('takes a picture without paletted for one that is not', () => {
    const { paletted: _paletted, ...rest } = good;
    expect(checkPicture(rest, 'style')).toEqual(good);
    expect(checkPicture({ ...good, paletted: undefined }, 'style')).toEqual(good);
  });

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [7, '7'],
    ['a.png', '"a.png"'],
    [new Uint8Array(3), 'a Uint8Array'],
    [[good], 'an Array'],
    [() => good, 'a Function'],
  ])('refuses %s', (value, got) => {
    expect(fault(value)).toBe(
      'ERR_INPUT style: expected the picture to be an object of mode, width, height and pixels, ' +
        `got ${got}`,
    );
  });

  test('says how a picture of sharp becomes one', () => {
    const image = sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } });
    expect(fault(image)).toMatch(/got a Sharp\. Pass what its toBuffer\(\) resolves to$/);
  });

  test.each<[string, object]>([
    ['mode to be one of L, LA, RGB, RGBA, CMYK, got "rgb"', { mode: 'rgb' }],
    ['mode to be one of L, LA, RGB, RGBA, CMYK, got undefined', { mode: undefined }],
    ['mode to be one of L, LA, RGB, RGBA, CMYK, got "toString"', { mode: 'toString' }],
    ['mode to be one of L, LA, RGB, RGBA, CMYK, got an Array', { mode: ['L'] }],
    ['width to be a whole number from 1, got 0', { width: 0 }],
    ['width to be a whole number from 1, got 2.5', { width: 2.5 }],
    ['height to be a whole number from 1, got "2"', { height: '2' }],
    ['height to be a whole number from 1, got NaN', { height: Number.NaN }],
    ['height to be a whole number from 1, got 2', { height: 2n }],
    ['pixels to be a Uint8Array, got an Array', { pixels: [1, 2, 3] }],
    ['pixels to be a Uint8Array, got undefined', { pixels: undefined }],
    ['pixels to be a Uint8Array, got a Uint16Array', { pixels: new Uint16Array(18) }],
    ['pixels to be a Uint8Array, got a Uint8ClampedArray', { pixels: new Uint8ClampedArray(18) }],
    [
      'pixels of a 3 x 2 picture of mode RGB to be 18 bytes, got 19',
      { pixels: new Uint8Array(19) },
    ],
    ['orientation to be a whole number from 1 to 8, got 0', { orientation: 0 }],
    ['orientation to be a whole number from 1 to 8, got 9', { orientation: 9 }],
    ['orientation to be a whole number from 1 to 8, got undefined', { orientation: undefined }],
    ['paletted to be true or false, got "no"', { paletted: 'no' }],
    ['paletted to be true or false, got null', { paletted: null }],
  ])('refuses a picture: expected %s', (message, wrong) => {
    expect(fault({ ...good, ...wrong })).toContain(`ERR_INPUT style: expected ${message}`);
  });

  test('refuses what is larger than a picture may be', () => {
    const grey = (width: number, height: number) =>
      fault(makePicture('L', width, height, new Uint8Array(width * height)));
    expect(grey(16_385, 1)).toBe(
      'ERR_INPUT style: expected the picture to be at most 16384 pixels a side, got 16385 x 1. ' +
        'Scale it down first',
    );
    expect(grey(6000, 4001)).toContain('to be of at most 24000000 pixels, got 6000 x 4001');
  });

  test.each([-1, 256, 1.5, '3', null])('refuses a transparent level of %j', (transparentLevel) => {
    expect(fault({ ...noise('L', 3, 2), transparentLevel })).toBe(
      'ERR_INPUT style: expected transparentLevel to be a whole number from 0 to 255 or undefined, ' +
        `got ${JSON.stringify(transparentLevel)}`,
    );
  });

  test('refuses a transparent level where it means nothing', () => {
    expect(fault({ ...good, transparentLevel: 3 })).toBe(
      'ERR_INPUT style: expected transparentLevel to be undefined in mode RGB, got 3',
    );
  });
});

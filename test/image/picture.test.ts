import { describe, expect, test } from 'vitest';
import { crop, makePicture } from '../../lib/image/picture.ts';
import { noise } from './pictures.ts';

describe('makePicture', () => {
  test('says how many bytes a picture has', () => {
    expect(() => makePicture('RGB', 2, 3, new Uint8Array(17))).toThrow(
      'picture: expected pixels of a 2 x 3 picture of mode RGB to be 18 bytes, got 17',
    );
  });

  test.each([0, -1, 1.5, Number.NaN])('refuses a side of %d', (side) => {
    const make = () => makePicture('L', 1, side, new Uint8Array(1));
    expect(make).toThrow(`picture: expected height to be a whole number from 1, got ${side}`);
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_VALUE' }));
  });

  test.each<[string, unknown, unknown, object]>([
    ['mode to be one of L, LA, RGB, RGBA, CMYK, got "XYZ"', 'XYZ', new Uint8Array(4), {}],
    ['pixels to be a Uint8Array, got an Array', 'L', [1, 2, 3, 4], {}],
    [
      'orientation to be a whole number from 1 to 8, got 9',
      'L',
      new Uint8Array(4),
      { orientation: 9 },
    ],
    ['paletted to be true or false, got 1', 'L', new Uint8Array(4), { paletted: 1 }],
    [
      'transparentLevel to be a whole number from 0',
      'L',
      new Uint8Array(4),
      { transparentLevel: 256 },
    ],
    [
      'transparentLevel to be undefined in mode LA',
      'LA',
      new Uint8Array(8),
      { transparentLevel: 1 },
    ],
  ])('refuses fields: expected %s', (message, mode, pixels, facts) => {
    const make = () => makePicture(mode as 'L', 2, 2, pixels as Uint8Array, facts);
    expect(make).toThrow(`picture: expected ${message}`);
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_VALUE' }));
  });

  test('takes what is undefined for what is not told', () => {
    const pixels = new Uint8Array(4);
    const facts = { paletted: undefined, transparentLevel: undefined, orientation: undefined };
    expect(makePicture('L', 2, 2, pixels, facts)).toEqual(makePicture('L', 2, 2, pixels));
  });
});

test('crop takes the pixels of a part, and all else stays', () => {
  const whole = makePicture(
    'LA',
    3,
    2,
    Uint8Array.from({ length: 12 }, (_, i) => i),
    {
      orientation: 6,
    },
  );
  const part = crop(whole, 1, 1, 2, 1);
  expect([...part.pixels]).toEqual([8, 9, 10, 11]);
  expect(part).toMatchObject({ mode: 'LA', width: 2, height: 1, orientation: 6 });
});

test.each([
  [2, 0, 4, 2],
  [0, 3, 1, 2],
  [-1, 0, 2, 2],
  [0, 0, 0, 0],
  [0, 0, 1.5, 1],
  [0.5, 0, 1, 1],
  [0, 0, Number.NaN, 1],
])('crop refuses the part at %d, %d of %d x %d', (left, top, width, height) => {
  const cut = () => crop(noise('RGB', 4, 4), left, top, width, height);
  expect(cut).toThrow(
    'crop: expected left, top, width and height to be a part of 4 x 4 pixels, got ' +
      `${width} x ${height} at ${left}, ${top}`,
  );
  expect(cut).toThrow(expect.objectContaining({ code: 'ERR_VALUE' }));
});

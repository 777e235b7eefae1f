import { describe, expect, test } from 'vitest';
import { crop, makePicture } from '../../lib/image/picture.ts';

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

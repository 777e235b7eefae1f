import { describe, expect, test } from 'vitest';
import { psnr, ssim } from '../../lib/evaluate/reconstruction.ts';
import { makePicture, type Picture } from '../../lib/image/picture.ts';

const drawn = (level: (at: number) => number): Picture =>
  makePicture(
    'RGB',
    16,
    16,
    Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => level(Math.floor(i / 3))),
  );
const checks = drawn((at) => ((at + Math.floor(at / 16)) % 2 ? 180 : 60));

describe('reconstruction', () => {
  test('has the peak signal to noise ratio of its definition', () => {
    const off = drawn((at) => checks.pixels[3 * at]! + 5);
    expect(psnr(checks, off)).toBeCloseTo(20 * Math.log10(255 / 5), 10);
    expect(psnr(checks, checks)).toBe(Number.POSITIVE_INFINITY);
  });

  test('has a structural similarity of 1 to itself, of about -1 to its negative', () => {
    expect(ssim(checks, checks)).toBeCloseTo(1, 10);
    expect(
      ssim(
        checks,
        drawn((at) => 240 - checks.pixels[3 * at]!),
      ),
    ).toBeLessThan(-0.95);
  });

  test('has for plain pictures the similarity of their means alone', () => {
    const c1 = (0.01 * 255) ** 2;
    const expected = (2 * 100 * 150 + c1) / (100 ** 2 + 150 ** 2 + c1);
    expect(
      ssim(
        drawn(() => 100),
        drawn(() => 150),
      ),
    ).toBeCloseTo(expected, 6);
  });
});

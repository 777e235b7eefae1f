import { describe, expect, test } from 'vitest';
import { differenceHash, hashDistance, NearHashes } from '../../lib/curate/difference_hash.ts';
import { makePicture, type Picture } from '../../lib/image/picture.ts';
import { resize } from '../../lib/image/resize.ts';
import { speckled } from './small_vqgan.ts';

const changed = ({ pixels, ...of }: Picture, change: (level: number, at: number) => number) =>
  makePicture('RGB', of.width, of.height, Uint8Array.from(pixels, change));

/** Every hash is compared with every one that was kept. */
const nearSlowly = (hashes: readonly string[], most: number) => {
  const kept: string[] = [];
  return hashes.map((hash) => {
    const near = kept.some((other) => hashDistance(hash, other) <= most);
    if (!near) kept.push(hash);
    return near;
  });
};

describe('a difference hash', () => {
  test('says of each channel and place whether it is lighter than on its left', () => {
    const columns = [10, 20, 20, 30, 5, 6, 7, 8, 9];
    const pixels = Uint8Array.from({ length: 9 * 8 * 3 }, (_, at) =>
      at % 3 === 1 ? columns[Math.floor(at / 3) % 9]! : 50,
    );
    const green = 'af'.repeat(8);
    expect(differenceHash(makePicture('RGB', 9, 8, pixels))).toBe(
      '00'.repeat(8) + green + '00'.repeat(8),
    );
  });

  test('hardly changes with size and light, and much with content and colour', () => {
    const picture = speckled(1, 45, 40);
    const hash = differenceHash(picture);
    const from = (other: Picture) => hashDistance(hash, differenceHash(other));
    expect(from(picture)).toBe(0);
    expect(from(resize(picture, 90, 80))).toBeLessThan(20);
    expect(from(changed(picture, (level) => level * 0.9 + 5))).toBeLessThan(20);
    expect(
      from(changed(picture, (_, at) => picture.pixels[at - (at % 3) + ((at + 1) % 3)]!)),
    ).toBeGreaterThan(40);
    expect(from(speckled(2, 45, 40))).toBeGreaterThan(60);
  });

  test('differs from another in a number of bits', () => {
    expect(hashDistance('00000000ffffffff', '0000000180000000')).toBe(1 + 31);
  });
});

describe('near hashes', () => {
  test.each([0, 1, 5, 12, 47])('are found as by comparing all, up to %i bits', (most) => {
    // A few hashes, and each of them with up to 60 bits turned.
    let state = 1;
    const below = (n: number) => {
      state = (state * 48271) % 2147483647;
      return state % n;
    };
    const random = () => Array.from({ length: 48 }, () => below(16));
    const centres = Array.from({ length: 6 }, random);
    const hashes = Array.from({ length: 300 }, () => {
      const digits = [...centres[below(6)]!];
      for (let turns = below(60); turns > 0; turns--) digits[below(48)]! ^= 1 << below(4);
      return digits.map((digit) => digit.toString(16)).join('');
    });
    const near = new NearHashes(most);
    const found = hashes.map((hash) => near.hasNear(hash));
    expect(found).toEqual(nearSlowly(hashes, most));
    expect(new Set(found).size).toBe(2);
  });
});

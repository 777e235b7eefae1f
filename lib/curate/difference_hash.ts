import { onBackground } from '../image/background.ts';
import type { Picture } from '../image/picture.ts';
import { resize } from '../image/resize.ts';

const side = 8;

/** Bits of a hash. */
export const hashBits = 3 * side * side;

/**
 * What a picture looks like from afar, in 192 bits: of its red, green and blue in 9 x 8 pixels, which
 * are lighter than their left neighbours. Pictures that differ in size, compression or a little in
 * light have hashes of few different bits.
 *
 * @returns hexadecimal digits
 */
export function differenceHash(picture: Picture): string {
  const small = resize(onBackground(picture, 'white'), side + 1, side, { filter: 'box' });
  let digits = '';
  for (let channel = 0; channel < 3; channel++) {
    for (let row = 0; row < side; row++) {
      let byte = 0;
      for (let column = 0; column < side; column++) {
        const at = (row * (side + 1) + column) * 3 + channel;
        byte = byte * 2 + (small.pixels[at + 3]! > small.pixels[at]! ? 1 : 0);
      }
      digits += byte.toString(16).padStart(2, '0');
    }
  }
  return digits;
}

/** How many bits of two hashes differ. */
export function hashDistance(a: string, b: string): number {
  let distance = 0;
  for (let at = 0; at < a.length; at += 8) {
    const word = (hash: string) => Number.parseInt(hash.slice(at, at + 8), 16);
    for (let bits = word(a) ^ word(b); bits !== 0; bits &= bits - 1) distance++;
  }
  return distance;
}

/** Finds which of earlier hashes a hash is nearly the same as. */
export class NearHashes {
  private readonly most: number;
  /** Of each band, the hashes by its digits. */
  private readonly bands: readonly Map<string, string[]>[];

  /** @param most  bits that differ at most, in [0, 47] */
  constructor(most: number) {
    this.most = most;
    // Bits that differ lie in at most as many bands: with one band more, one is the same in both.
    this.bands = Array.from({ length: most + 1 }, () => new Map());
  }

  /** Whether an earlier one is near; one that is not is kept, for those to come. */
  hasNear(hash: string): boolean {
    const digits = this.bands.map((_, i) => this.digitsOf(hash, i));
    for (const [i, band] of this.bands.entries())
      for (const other of band.get(digits[i]!) ?? [])
        if (hashDistance(hash, other) <= this.most) return true;
    for (const [i, band] of this.bands.entries()) {
      const found = band.get(digits[i]!);
      if (found) found.push(hash);
      else band.set(digits[i]!, [hash]);
    }
    return false;
  }

  /** Bands are of whole digits, and as long as can be. */
  private digitsOf(hash: string, band: number): string {
    const cut = (i: number) => Math.floor((i * hash.length) / this.bands.length);
    return hash.slice(cut(band), cut(band + 1));
  }
}

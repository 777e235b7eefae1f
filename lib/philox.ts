/** Four words of 32 bits: a counter of Philox, or what it is mapped to. */
export type PhiloxWords = readonly [number, number, number, number];

/** A 64-bit seed: its low and its high half, as unsigned 32-bit integers. */
export type SeedHalves = readonly [low: number, high: number];

/**
 * Philox4x32-10 (Salmon et al. 2011), as `native/core/philox.h` has it: random words as a function
 * of where they are used, so that a draw depends on nothing but its seed and its place.
 *
 * The second word of a counter says what a draw is for. Devices use 0 to 2 (`Draw` in
 * `native/core/philox.h`); {@link hostDraws} lists what is drawn outside them.
 */
export function philox(counter: PhiloxWords, [low, high]: SeedHalves): PhiloxWords {
  let [a, b, c, d] = counter;
  for (let round = 0; round < 10; round++) {
    const [leftHigh, leftLow] = product(0xd2511f53, a);
    const [rightHigh, rightLow] = product(0xcd9e8d57, c);
    a = (rightHigh ^ b ^ low) >>> 0;
    b = rightLow;
    c = (leftHigh ^ d ^ high) >>> 0;
    d = leftLow;
    low = (low + 0x9e3779b9) >>> 0;
    high = (high + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** What a draw on the host is for: the second word of its counter. */
export const hostDraws = { crop: 16, training: 17, world: 18 } as const;

/** The halves of a seed in [0, 2^53). */
export const halvesOf = (seed: number): SeedHalves => [seed >>> 0, Math.floor(seed / 2 ** 32)];

/** The high and the low word of the product of two words. */
function product(x: number, y: number): readonly [high: number, low: number] {
  const low = (x & 0xffff) * (y & 0xffff);
  // Below 2^49: nothing is rounded.
  const middle = (x >>> 16) * (y & 0xffff) + (x & 0xffff) * (y >>> 16) + Math.floor(low / 2 ** 16);
  return [(x >>> 16) * (y >>> 16) + Math.floor(middle / 2 ** 16), Math.imul(x, y) >>> 0];
}

// The random bits of core/philox.h, written again from the paper (Salmon et al. 2011).

const mulHigh = (a: number, b: number) => Number((BigInt(a) * BigInt(b)) >> 32n);
const mulLow = (a: number, b: number) => Math.imul(a, b) >>> 0;

/** Philox4x32-10 of a counter of four words and a key of two. */
export function philox(counter: readonly number[], key: readonly number[]): number[] {
  let [a, b, c, d] = counter.map((word) => word >>> 0) as [number, number, number, number];
  let [low, high] = key.map((word) => word >>> 0) as [number, number];
  for (let round = 0; round < 10; round++) {
    const next = [
      mulHigh(0xcd9e8d57, c) ^ b ^ low,
      mulLow(0xcd9e8d57, c),
      mulHigh(0xd2511f53, a) ^ d ^ high,
      mulLow(0xd2511f53, a),
    ];
    [a, b, c, d] = next.map((word) => word >>> 0) as [number, number, number, number];
    low = (low + 0x9e3779b9) >>> 0;
    high = (high + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** In (0, 1): the middle of one of 2^23 equal intervals. */
export const uniformOf = (bits: number): number => ((bits >>> 9) + 0.5) / 2 ** 23;

export type Seed = readonly [low: number, high: number];

/** The Gumbel noise of one token at one position. */
export function gumbel(seed: Seed, position: number, token: number): number {
  const words = philox([position, 0, Math.floor(token / 4), 0], seed);
  return -Math.log(-Math.log(uniformOf(words[token % 4]!)));
}

/** What element `i` of a tensor draws: noise (1) or dropout (2). */
export function elementBits(seed: Seed, purpose: 1 | 2, i: number): number[] {
  const block = Math.floor(i / 4);
  return philox([block, purpose, Math.floor(block / 2 ** 32), 0], seed);
}

/** Element `i` of a tensor of standard normal numbers (Box & Muller 1958). */
export function gaussian(seed: Seed, i: number): number {
  const words = elementBits(seed, 1, i);
  const pair = i % 4 < 2 ? 0 : 2;
  const radius = Math.sqrt(-2 * Math.log(uniformOf(words[pair]!)));
  const angle = 2 * Math.PI * uniformOf(words[pair + 1]!);
  return radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
}

import { halvesOf, hostDraws, philox, type SeedHalves } from '../../philox.ts';

/** Draws that follow from a seed and a purpose: the same on every machine, in the same order. */
export interface Random {
  /** Uniform in [low, high). */
  uniform(low: number, high: number): number;
  /** A whole number in [low, high], both included. */
  integer(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of them, each as likely; the list holds at least one. */
  pick<T>(list: readonly T[]): T;
}

/**
 * Random draws for one purpose. Draws for two purposes do not depend on each other, so that a
 * picture keeps its subject when the drawing of its background takes one draw more.
 *
 * @param seed     a whole number in [0, 2^53)
 * @param purpose  any words
 */
export function randomOf(seed: number, purpose: string): Random {
  const key = halvesOf(seed);
  const stream = hashOf(purpose);
  let draws = 0;
  const next = () => wordAt(draws++, stream, key) / 2 ** 32;
  return {
    uniform: (low, high) => low + (high - low) * next(),
    integer: (low, high) => low + Math.floor((high - low + 1) * next()),
    chance: (probability) => next() < probability,
    pick: (list) => list[Math.floor(list.length * next())]!,
  };
}

const wordAt = (draw: number, stream: number, key: SeedHalves): number =>
  philox([draw, hostDraws.world, stream, 0], key)[0];

/** The 32-bit FNV-1a hash of a text. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}

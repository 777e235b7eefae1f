import { StylearError } from '../error.ts';
import { Draws } from './draws.ts';
import type { EpochOrder } from './order.ts';

/** A source of examples. */
export interface MixedSource {
  /** Examples that it has, at least 1. */
  readonly count: number;
  /** Its share of an epoch beside those of the others, a positive whole number. */
  readonly share: number;
}

/**
 * Several sources in exact shares. An epoch has the source that is scarcest for its share once; of
 * each other one it has as many examples as its share asks for, and the next epoch goes on with those
 * that did not come yet. StyleAR takes three raw pictures for each stylised one (arXiv 2505.19874).
 *
 * Examples are numbered through: those of the first source first.
 *
 * @param sources  at least one
 * @param seed     in [0, 2^53)
 */
export function mixed(sources: readonly MixedSource[], seed: number): EpochOrder {
  const rounds = Math.min(...sources.map(({ count, share }) => Math.floor(count / share)));
  if (!(rounds >= 1 && Number.isFinite(rounds))) {
    const got = sources.map(({ count, share }) => `${count} for a share of ${share}`).join(', ');
    throw new StylearError(
      'ERR_INPUT',
      `mixed: expected sources to have as many examples as their shares, got ${got || 'none'}`,
    );
  }
  const length = sources.reduce((sum, { share }) => sum + rounds * share, 0);
  return {
    length,
    epoch: (epoch) => {
      const indices = new Int32Array(length);
      let filled = 0;
      let first = 0;
      sources.forEach(({ count, share }, source) => {
        const passes = new Passes(count, seed, source);
        for (let i = 0; i < rounds * share; i++)
          indices[filled++] = first + passes.at(epoch * rounds * share + i);
        first += count;
      });
      return new Draws(seed, epoch).shuffle(indices, 'order');
    },
  };
}

/** The examples of a source pass after pass, each in an order of its own. */
class Passes {
  private readonly count: number;
  private readonly seed: number;
  private readonly source: number;
  private current: { readonly pass: number; readonly order: Int32Array } | undefined;

  constructor(count: number, seed: number, source: number) {
    this.count = count;
    this.seed = seed;
    this.source = source;
  }

  at(place: number): number {
    const pass = Math.floor(place / this.count);
    if (this.current?.pass !== pass) {
      // Sources have draws of their own: no source has 2^27 examples.
      const draws = new Draws(this.seed, pass, this.source * 2 ** 27);
      const all = Int32Array.from({ length: this.count }, (_, i) => i);
      this.current = { pass, order: draws.shuffle(all, 'mix') };
    }
    return this.current.order[place % this.count]!;
  }
}

import { halvesOf, hostDraws, type PhiloxWords, philox } from '../philox.ts';

/** What the draws of a training are for; the place in the list is part of the draw. */
const purposes = [
  'order',
  'batches',
  'mix',
  'condition',
  'noise',
  'restart',
  'flip',
  'sample',
  'scatter',
  'branch',
] as const;
/** What a number is drawn for: draws for different purposes have nothing in common. */
export type DrawPurpose = (typeof purposes)[number];

/**
 * The random numbers of one step, or of one epoch: a function of the seed, that number, what they are
 * for and which one it is. Nothing is carried from one step to the next, so that a training that is
 * resumed draws what one without a break draws.
 */
export class Draws {
  private readonly seed: number;
  private readonly time: number;
  private readonly first: number;

  /**
   * @param seed   in [0, 2^53)
   * @param time   the step or the epoch, in [0, 2^32)
   * @param first  what indices are counted from
   */
  constructor(seed: number, time: number, first = 0) {
    this.seed = seed;
    this.time = time;
    this.first = first;
  }

  /** The same draws with indices counted from `first` on: those of a part of a batch. */
  from(first: number): Draws {
    return new Draws(this.seed, this.time, this.first + first);
  }

  /** A number in [0, 1), a multiple of 2^-32. */
  uniform(purpose: DrawPurpose, index = 0): number {
    return this.words(purpose, index)[0] / 2 ** 32;
  }

  /** A whole number in [0, count). */
  below(count: number, purpose: DrawPurpose, index = 0): number {
    return Math.floor(this.uniform(purpose, index) * count);
  }

  /** `[count, 2]`: halves of seeds for what is drawn on the device, such as `addStyleNoise`. */
  seeds(purpose: DrawPurpose, count: number): Int32Array {
    const seeds = new Int32Array(2 * count);
    for (let i = 0; i < count; i++) {
      const [low, high] = this.words(purpose, i);
      seeds[2 * i] = low;
      seeds[2 * i + 1] = high;
    }
    return seeds;
  }

  /** `values` in another order, every one as likely (Fisher & Yates, as Durstenfeld 1964 has it). */
  shuffle(values: Int32Array, purpose: DrawPurpose): Int32Array {
    const shuffled = values.slice();
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = this.below(last + 1, purpose, last);
      const value = shuffled[last]!;
      shuffled[last] = shuffled[other]!;
      shuffled[other] = value;
    }
    return shuffled;
  }

  private words(purpose: DrawPurpose, index: number): PhiloxWords {
    const counter = [
      this.first + index,
      hostDraws.training,
      this.time,
      purposes.indexOf(purpose),
    ] as const;
    return philox(counter, halvesOf(this.seed));
  }
}

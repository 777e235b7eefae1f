import { StylearError } from '../error.ts';
import { Draws } from './draws.ts';

/** Which examples an epoch has, in which order. */
export interface EpochOrder {
  /** Examples of every epoch, at least 1. */
  readonly length: number;
  /** `[length]`: their indices, a function of the epoch. */
  epoch(epoch: number): Int32Array;
}

/** All examples once in every epoch. */
export function shuffled(count: number, seed: number): EpochOrder {
  return {
    length: count,
    epoch: (epoch) => new Draws(seed, epoch).shuffle(upTo(count), 'order'),
  };
}

/** How examples are put into batches. */
export interface BatchOrderOptions {
  /** Examples of a batch, at least 1. */
  readonly batchSize: number;
  /** In [0, 2^53). */
  readonly seed: number;
  /**
   * How long each example is. With it the examples of a batch are of about the same length, so that
   * little is padded: they are sorted by length, and shuffled within chunks.
   */
  readonly lengths?: ArrayLike<number> | undefined;
  /** Batches of such a chunk: the fewer, the less padding. 500 unless told. */
  readonly chunkBatches?: number | undefined;
}

/**
 * Examples by batches, epoch after epoch. What is left over at the end of an epoch is left out. The
 * batch of a step depends on the step alone.
 */
export class BatchOrder {
  /** Batches of an epoch. */
  readonly stepsPerEpoch: number;
  private readonly order: EpochOrder;
  private readonly options: BatchOrderOptions;
  /** The epoch that was asked for last. */
  private current: { readonly epoch: number; readonly indices: Int32Array } | undefined;

  /** Throws `ERR_INPUT` when there are fewer examples than a batch has. */
  constructor(order: EpochOrder, options: BatchOrderOptions) {
    this.order = order;
    this.options = options;
    this.stepsPerEpoch = Math.floor(order.length / options.batchSize);
    if (this.stepsPerEpoch >= 1) return;
    throw new StylearError(
      'ERR_INPUT',
      `BatchOrder: expected examples to be at least the ${options.batchSize} of a batch, got ` +
        `${order.length}. Add data, or take smaller batches.`,
    );
  }

  /** `[batchSize]`: indices of the examples of a step, counted from 0 over all epochs. */
  batch(step: number): Int32Array {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (this.current?.epoch !== epoch) this.current = { epoch, indices: this.indicesOf(epoch) };
    const begin = (step % this.stepsPerEpoch) * this.options.batchSize;
    return this.current.indices.subarray(begin, begin + this.options.batchSize);
  }

  private indicesOf(epoch: number): Int32Array {
    const { batchSize, seed, lengths, chunkBatches = 500 } = this.options;
    // What is left over is left out before they are sorted, so that it is not always the longest.
    const indices = this.order.epoch(epoch).subarray(0, this.stepsPerEpoch * batchSize);
    if (!lengths) return indices;
    // Equal lengths stay in the order of the epoch.
    indices.sort((a, b) => lengths[a]! - lengths[b]!);
    const chunk = chunkBatches * batchSize;
    for (let begin = 0; begin < indices.length; begin += chunk) {
      const part = indices.subarray(begin, begin + chunk);
      part.set(new Draws(seed, epoch, begin).shuffle(part, 'batches'));
    }
    // Counted from behind all examples, for draws of their own.
    const draws = new Draws(seed, epoch, indices.length);
    const batches = draws.shuffle(upTo(this.stepsPerEpoch), 'batches');
    const inBatches = new Int32Array(batches.length * batchSize);
    batches.forEach((batch, i) => {
      inBatches.set(indices.subarray(batch * batchSize, (batch + 1) * batchSize), i * batchSize);
    });
    return inBatches;
  }
}

const upTo = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);

import { addInto } from '../ops/add.ts';
import { cast, floatOf } from '../ops/cast.ts';
import { copyIn } from '../ops/copy_slice.ts';
import { keep } from '../tensor/lifetime.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { NamedTensors } from './trainer.ts';

/**
 * The exponential moving average of weights: `a = d a + (1 - d) w` after each step, in f32. At first
 * `d` is `(1 + step) / (10 + step)`, so that the beginning is forgotten soon.
 *
 * An average stands still where what it is to move by is lost in rounding: off a weight by up to
 * `2^-24 / (1 - d)` of it, which is 0.06% at 0.9999 and 6% at 0.999999.
 */
export class MovingAverage {
  /** By the names of the weights. */
  readonly averages: NamedTensors;
  private readonly weights: NamedTensors;
  private readonly decay: number;

  /**
   * @param weights  f32; the average begins as they are
   * @param decay    d, in [0, 1)
   */
  constructor(weights: NamedTensors, decay: number) {
    this.weights = weights;
    this.decay = decay;
    this.averages = weights.map(([name, weight]) => {
      const average = keep(weight.like());
      copyIn(average, weight, 0);
      return [name, average];
    });
  }

  /** @param step  steps that were made, this one included */
  update(step: number): void {
    const decay = Math.min(this.decay, (1 + step) / (10 + step));
    this.averages.forEach(([, average], i) => {
      addInto(average, average, this.weights[i]![1], { alpha: decay, beta: 1 - decay });
    });
  }

  /**
   * Runs `body` with the averages in the place of the parameters, which are afterwards bit for bit
   * what they were.
   *
   * @param parameters  those of the weights, f32 or bf16
   */
  async during<T>(parameters: NamedTensors, body: () => Promise<T>): Promise<T> {
    const before = parameters.map(([, parameter]) => copyOf(parameter));
    scope(() => {
      parameters.forEach(([, parameter], i) => {
        copyIn(parameter, cast(this.averages[i]![1], floatOf(parameter)), 0);
      });
    });
    try {
      return await body();
    } finally {
      parameters.forEach(([, parameter], i) => {
        copyIn(parameter, before[i]!, 0);
        before[i]!.dispose();
      });
    }
  }

  dispose(): void {
    for (const [, average] of this.averages) average.dispose();
  }
}

function copyOf(x: Tensor): Tensor {
  const copy = x.like();
  copyIn(copy, x, 0);
  return copy;
}

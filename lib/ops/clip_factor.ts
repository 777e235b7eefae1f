import { StylearError } from '../error.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { scale } from './add.ts';
import { exp, log } from './pointwise.ts';

/**
 * The sum of the squares of all elements of all tensors, in f32.
 *
 * @param xs  at least one, any shapes, f32 or bf16
 * @returns   `[1]`, f32
 */
export function sumSquares(xs: readonly Tensor[]): Tensor {
  const [first] = xs;
  if (!first) {
    throw new StylearError(
      'ERR_VALUE',
      'sum_squares: expected xs to be at least one tensor, got none',
    );
  }
  const total = first.device.tensor([1], 'f32');
  xs.forEach((x, i) => {
    first.device.run('sum_squares', { x, total, accumulate: i > 0 });
  });
  return total;
}

/**
 * The Euclidean length of all tensors taken as one vector.
 *
 * @param xs  at least one, any shapes, f32 or bf16
 * @returns   `[1]`, f32
 */
export const globalNorm = (xs: readonly Tensor[]): Tensor => exp(scale(log(sumSquares(xs)), 0.5));

/** How long gradients may be together. */
export interface ClipFactorOptions {
  /** The length that is not to be exceeded, positive. */
  readonly maxNorm: number;
}

/**
 * What gradients are multiplied with so that their global norm does not exceed `maxNorm`:
 * `min(1, maxNorm / (norm + 1e-6))`. Pascanu et al. 2013.
 *
 * @param total  `[1]`, f32: the sum of squares of all of them, as `sumSquares` gives
 * @returns      `[1]`, f32; NaN if `total` is
 */
export function clipFactor(total: Tensor, { maxNorm }: ClipFactorOptions): Tensor {
  const factor = total.like();
  total.device.run('clip_factor', { total, factor, maxNorm });
  return factor;
}

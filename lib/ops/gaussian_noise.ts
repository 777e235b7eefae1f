import { record } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** How strong the noise is. */
export interface GaussianNoiseOptions {
  /** The standard deviation, finite; 1 unless told. */
  readonly strength?: number | undefined;
}

/**
 * `x + strength * N(0, 1)`, drawn by Philox keyed by (seed, index): the same on every device up to
 * the rounding of log, sine and cosine.
 *
 * @param x     any shape, f32 or bf16
 * @param seed  `[2]`, i32: low and high half of a 64-bit seed
 * @returns     like `x`
 */
export function gaussianNoise(
  x: Tensor,
  seed: Tensor,
  { strength = 1 }: GaussianNoiseOptions = {},
): Tensor {
  const y = x.like();
  x.device.run('gaussian_noise', { x, seed, y, strength });
  return record(y, [x], (dy) => [dy]);
}

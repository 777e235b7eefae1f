import { record } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** How much is dropped. */
export interface DropoutOptions {
  /** The share that is dropped, in [0, 1). */
  readonly p: number;
}

/**
 * Zero with probability `p`, else `x / (1 - p)`, drawn by Philox keyed by (seed, index).
 * Srivastava et al. 2014.
 *
 * @param x     any shape, f32 or bf16
 * @param seed  `[2]`, i32: low and high half of a 64-bit seed; it must not change before the gradient
 * @returns     like `x`
 */
export function dropout(x: Tensor, seed: Tensor, { p }: DropoutOptions): Tensor {
  const y = x.like();
  x.device.run('dropout', { x, seed, y, p });
  return record(y, [x], (dy) => [dropout(dy, seed, { p })]);
}

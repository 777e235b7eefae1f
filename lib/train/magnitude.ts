// Absolute values and roots that have a gradient everywhere.
import { add, scale } from '../ops/add.ts';
import { multiply } from '../ops/multiply.ts';
import { exp, log } from '../ops/pointwise.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Below this a difference counts as squared: a quarter of a level of 8 bits, in [-1, 1]. */
const smallest = 1 / 512;

/** `sqrt(x² + smallest²)`: the absolute value, smooth at 0 (Charbonnier et al. 1994). */
export function magnitude(x: Tensor): Tensor {
  const floor = x.device.full([1], smallest ** 2);
  return squareRoot(add(multiply(x, x), floor));
}

/** @param x  f32, above 0 */
export const squareRoot = (x: Tensor): Tensor => exp(scale(log(x), 0.5));

import { record } from '../autograd/record.ts';
import type { OpArgs } from '../tensor/op_args.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** A function of one number, by its name in `native/core/pointwise.h`. */
export type Pointwise = OpArgs['pointwise']['function'];

/**
 * `f(x)`, element by element.
 *
 * @param x         any shape, f32 or bf16
 * @param function_ which f
 * @returns         like `x`
 */
export function pointwise(x: Tensor, function_: Pointwise): Tensor {
  const y = x.like();
  x.device.run('pointwise', { x, y, function: function_ });
  return record(y, [x], (dy) => {
    const dx = x.like();
    x.device.run('pointwise_backward', { x, dy, dx, function: function_ });
    return [dx];
  });
}

/** `x Φ(x)`, exact: `0.5 x (1 + erf(x / √2))`. Any shape, f32 or bf16. Hendrycks & Gimpel 2016. */
export const gelu = (x: Tensor): Tensor => pointwise(x, 'gelu');

/** `x * sigmoid(1.702 x)`. Any shape, f32 or bf16. Hendrycks & Gimpel 2016. */
export const quickGelu = (x: Tensor): Tensor => pointwise(x, 'quick_gelu');

/** `x * sigmoid(x)`, also called swish. Any shape, f32 or bf16. Elfwing et al. 2018. */
export const silu = (x: Tensor): Tensor => pointwise(x, 'silu');

/** `1 / (1 + exp(-x))`. Any shape, f32 or bf16. */
export const sigmoid = (x: Tensor): Tensor => pointwise(x, 'sigmoid');

/** `-log(1 + exp(-x))`, without overflow. Any shape, f32 or bf16. */
export const logSigmoid = (x: Tensor): Tensor => pointwise(x, 'log_sigmoid');

/** `exp(x)`. Any shape, f32 or bf16. */
export const exp = (x: Tensor): Tensor => pointwise(x, 'exp');

/** `log(x)`, natural. Any shape, f32 or bf16; -Infinity at 0, NaN below. */
export const log = (x: Tensor): Tensor => pointwise(x, 'log');

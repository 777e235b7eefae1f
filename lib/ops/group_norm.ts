import { record, wanted } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { extent } from './shapes.ts';

/** The groups of a norm, and what follows it. */
export interface GroupNormOptions {
  /** How many groups the channels fall into, a divisor of them; 32 unless told. */
  readonly groups?: number | undefined;
  /** Apply `silu` ("swish") to the result; false unless told. */
  readonly silu?: boolean | undefined;
  /** Added to the variance; 1e-6 unless told. */
  readonly eps?: number | undefined;
}

/**
 * `f((x - mean) / sqrt(variance + eps) * weight + bias)`, mean and biased variance over the pixels of
 * one image and the channels of one group; f is `silu` or nothing. Wu & He 2018.
 *
 * @param x       `[images, height, width, channels]`, f32 or bf16
 * @param weight  `[channels]`, dtype of `x` or f32
 * @param bias    like `weight`
 * @returns       like `x`
 */
export function groupNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  { groups = 32, silu = false, eps = 1e-6 }: GroupNormOptions = {},
): Tensor {
  const y = x.like();
  const statistics = groupNormInto(y, x, weight, bias, { groups, silu, eps });
  return record(y, [x, weight, bias], (dy) => {
    const affine = wanted(weight) || wanted(bias);
    const dx = x.like();
    const dweight = affine ? weight.like() : undefined;
    const dbias = affine ? bias.like() : undefined;
    x.device.run('group_norm_backward', {
      x,
      weight,
      bias,
      statistics,
      dy,
      dx,
      dweight,
      dbias,
      silu,
    });
    return [dx, dweight, dbias];
  });
}

/**
 * As `groupNorm`, into `y` and without a note for gradients. `y` may be `x`.
 *
 * @returns `[images, groups, 2]`, f32: the means and `1 / sqrt(variance + eps)`
 */
export function groupNormInto(
  y: Tensor,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  { groups = 32, silu = false, eps = 1e-6 }: GroupNormOptions = {},
): Tensor {
  const statistics = x.device.tensor([extent(x, 0), Math.max(groups, 1), 2], 'f32');
  x.device.run('group_norm', { x, weight, bias, y, statistics, groups, silu, eps });
  return statistics;
}

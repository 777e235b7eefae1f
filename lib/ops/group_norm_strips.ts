// `groupNorm` of an image that is never whole in memory: the statistics of its strips, what these
// come to for the image, and the norm of a strip by that. For inference; composed of other ops, so
// its results differ from those of `groupNorm` by roundings.
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { add, scale as scaleBy, subtract } from './add.ts';
import { concat, slice } from './copy_slice.ts';
import { type GroupNormOptions, groupNormInto } from './group_norm.ts';
import { inferenceOnly } from './inference_only.ts';
import { matmul } from './matmul.ts';
import { multiply } from './multiply.ts';
import { permute } from './permute.ts';
import { exp, log } from './pointwise.ts';
import { extent } from './shapes.ts';

/** A norm as one product and one sum per channel: `x * scale + shift`. Each `[channels]`, f32. */
export interface ChannelAffine {
  readonly scale: Tensor;
  readonly shift: Tensor;
}

/**
 * Mean and `1 / sqrt(variance + eps)` of each group of channels, over all pixels.
 *
 * @param x  `[1, height, width, channels]`, f32
 * @returns  `[1, groups, 2]`, f32
 */
export function stripStatistics(
  x: Tensor,
  { groups = 32, eps = 1e-6 }: Pick<GroupNormOptions, 'groups' | 'eps'> = {},
): Tensor {
  inferenceOnly('stripStatistics', { x }, 'groupNorm');
  return scope(() => {
    const none = x.device.zeros([extent(x, 3)]);
    return groupNormInto(x.like(), x, none, none, { groups, eps });
  });
}

/**
 * The norm of an image from the statistics of its strips, which are joined as Chan et al. 1983 do:
 * the variance is the mean of theirs and of the squares by which their means are off.
 *
 * @param strips  of each strip, as `stripStatistics` makes them
 * @param pixels  how many pixels each strip has
 * @param weight  `[channels]`, f32
 * @param bias    like `weight`
 */
export function joinStatistics(
  strips: readonly Tensor[],
  pixels: readonly number[],
  weight: Tensor,
  bias: Tensor,
): ChannelAffine {
  return scope(() => {
    const all = concat(strips);
    const groups = extent(all, 1);
    const column = (at: number) => slice(all, at, at + 1, 2).reshape([strips.length, groups]);
    const total = pixels.reduce((sum, n) => sum + n, 0);
    const shares = all.device.from(
      pixels.map((n) => n / total),
      [1, strips.length],
    );
    const average = (x: Tensor) => matmul(shares, x).reshape([groups]);
    const power = (x: Tensor, exponent: number) => exp(scaleBy(log(x), exponent));

    const means = column(0);
    const mean = average(means);
    const off = subtract(means, mean);
    const variance = average(add(power(column(1), -2), multiply(off, off))); // with its eps
    // Channels of one group lie side by side: turned, groups are along the last axis, where a value
    // per group is repeated.
    const channels = extent(weight, 0);
    const turned = permute(weight.reshape([groups, channels / groups]), [1, 0]);
    const scale = multiply(turned, power(variance, -0.5));
    const back = (x: Tensor) => permute(x, [1, 0]).reshape([channels]);
    return { scale: back(scale), shift: subtract(bias, back(multiply(scale, mean))) };
  });
}

/**
 * The norm of a strip, with `silu` of it if told.
 *
 * @param x  `[1, height, width, channels]`, f32
 * @returns  like `x`
 */
export function normStrip(x: Tensor, { scale, shift }: ChannelAffine, silu = false): Tensor {
  inferenceOnly('normStrip', { x, scale, shift }, 'groupNorm');
  const y = x.like();
  x.device.run('multiply', { x, y: scale, z: y });
  x.device.run('add', { x: y, y: shift, z: y, alpha: 1, beta: 1 });
  if (silu) x.device.run('pointwise', { x: y, y, function: 'silu' });
  return y;
}

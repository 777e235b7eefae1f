import { record, wanted } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** The constant of the norm. */
export interface LayerNormOptions {
  /** Added to the variance; 1e-5 unless told. */
  readonly eps?: number | undefined;
}

/**
 * `(x - mean) / sqrt(variance + eps) * weight + bias` over the last axis, with biased variance.
 * Ba et al. 2016. A weight of `[groups, dim]` belongs to heads: head `h` uses its row
 * `h / (heads / groups)`, which is Chameleon's norm of queries and keys.
 *
 * @param x       `[..., dim]`, or `[..., heads, dim]`, f32 or bf16
 * @param weight  `[dim]`, or `[groups, dim]` with groups dividing the heads; dtype of `x`, or f32
 * @param bias    like `weight`
 * @returns       like `x`
 */
export function layerNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  { eps = 1e-5 }: LayerNormOptions = {},
): Tensor {
  const y = x.like();
  x.device.run('layer_norm', { x, weight, bias, y, eps });
  return record(y, [x, weight, bias], (dy) => {
    const affine = wanted(weight) || wanted(bias);
    const dx = x.like();
    const dweight = affine ? weight.like() : undefined;
    const dbias = affine ? bias.like() : undefined;
    x.device.run('layer_norm_backward', { x, weight, dy, dx, dweight, dbias, eps });
    return [dx, dweight, dbias];
  });
}

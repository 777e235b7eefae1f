import { record, wanted } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { extent } from './shapes.ts';

/** How scores are scaled. */
export interface PerceiverAttentionOptions {
  /** Multiplies the scores; `1 / sqrt(headDim)` unless told. */
  readonly scale?: number | undefined;
}

/**
 * The cross-attention of a perceiver resampler: latents attend to `[image features ; latents]`,
 * features first, given as two segments that are never joined in memory. Each segment holds keys and
 * values side by side, as one projection leaves them. Alayrac et al. 2022, fig. 5.
 *
 * @param q           `[images, queries, heads, headDim]`, f32 or bf16, headDim at most 256
 * @param kvFeatures  `[images, features, 2, heads, headDim]`, dtype of `q`
 * @param kvLatents   `[images, queries, 2, heads, headDim]`, dtype of `q`
 * @returns           like `q`
 */
export function perceiverAttention(
  q: Tensor,
  kvFeatures: Tensor,
  kvLatents: Tensor,
  { scale = 1 / Math.sqrt(extent(q, -1)) }: PerceiverAttentionOptions = {},
): Tensor {
  const inputs = [q, kvFeatures, kvLatents];
  const y = q.like();
  const lse = inputs.some(wanted)
    ? q.device.tensor([extent(q, 0), extent(q, 2), extent(q, 1)], 'f32')
    : undefined;
  q.device.run('perceiver_attention', { q, kvFeatures, kvLatents, y, lse, scale });
  if (!lse) return y;
  return record(y, inputs, (dy) => {
    const dq = q.like();
    const dkvFeatures = kvFeatures.like();
    const dkvLatents = kvLatents.like();
    q.device.run('perceiver_attention_backward', {
      q,
      kvFeatures,
      kvLatents,
      y,
      lse,
      dy,
      dq,
      dkvFeatures,
      dkvLatents,
      scale,
    });
    return [dq, dkvFeatures, dkvLatents];
  });
}

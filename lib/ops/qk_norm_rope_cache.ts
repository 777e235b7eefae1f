import type { Tensor } from '../tensor/tensor.ts';
import { inferenceOnly } from './inference_only.ts';
import type { PagedCache } from './paged_attention.ts';

/** Weights of the layer norm of each query and key head; see `layerNorm`. */
export interface QkNorm {
  /** `[headDim]` or `[groups, headDim]`, dtype of the queries or f32, as are the rest. */
  readonly qWeight: Tensor;
  readonly qBias: Tensor;
  readonly kWeight: Tensor;
  readonly kBias: Tensor;
}

/** Positions, and what is done to queries and keys. */
export interface QkNormRopeCacheOptions {
  /** `[sequences, tokens]`, i32: angles of the rotary embedding. */
  readonly positions: Tensor;
  /** `[sequences, tokens]`, i32: where each token goes in its sequence's cache; a negative one goes
   *  nowhere. `positions` unless told. */
  readonly cachePositions?: Tensor | undefined;
  /** Without it queries and keys are not normalised. */
  readonly norm?: QkNorm | undefined;
  /** Added to the variance; 1e-5 unless told. */
  readonly eps?: number | undefined;
  /** The base of the angles; 10000 unless told. */
  readonly theta?: number | undefined;
}

/**
 * What precedes paged attention, in one pass: norm of queries and keys per head, rotary embedding,
 * and the write of keys and values into the cache. It has no gradient.
 *
 * @param q      `[sequences, tokens, heads, headDim]`, f32 or bf16, headDim even, 256 at most
 * @param k      `[sequences, tokens, kvHeads, headDim]`, dtype of `q`
 * @param v      like `k`
 * @param cache  written at `cachePositions`
 * @returns      like `q`: the queries, normed and rotated
 * @throws `ERR_VALUE` where a gradient is taken of `q`, `k` or `v`
 */
export function qkNormRopeCache(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  cache: PagedCache,
  options: QkNormRopeCacheOptions,
): Tensor {
  const { positions, cachePositions = positions, norm, eps = 1e-5, theta = 10000 } = options;
  inferenceOnly('qk_norm_rope_cache', { q, k, v }, 'layerNorm and rope');
  const y = q.like();
  q.device.run('qk_norm_rope_cache', {
    q,
    k,
    v,
    ...norm,
    positions,
    cachePositions,
    ...cache,
    y,
    eps,
    theta,
  });
  return y;
}

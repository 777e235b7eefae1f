import type { Tensor } from '../tensor/tensor.ts';
import { inferenceOnly } from './inference_only.ts';
import { extent } from './shapes.ts';

/** Keys and values in pages: key `j` of sequence `s` is row `j % pageTokens` of page
 *  `table[s, j / pageTokens]`. Sequences may share pages. */
export interface PagedCache {
  /** `[pages, kvHeads, pageTokens, headDim]`, f32 or bf16. */
  readonly kPages: Tensor;
  /** Like `kPages`. */
  readonly vPages: Tensor;
  /** `[sequences, maxPages]`, i32 in [0, pages) as far as the sequence reaches. */
  readonly table: Tensor;
}

/** How scores are scaled. */
export interface PagedAttentionOptions {
  /** Multiplies the scores; `1 / sqrt(headDim)` unless told. */
  readonly scale?: number | undefined;
}

/**
 * Attention of a few new queries per sequence over a paged cache: query `i` sees the keys
 * `j <= lengths[s] - queries + i`. The bits of a row depend neither on the batch nor on the number
 * of queries. Kwon et al. 2023. It has no gradient.
 *
 * @param q        `[sequences, queries, heads, headDim]`, f32 or bf16; 1 to 64 queries
 * @param cache    its kvHeads divide the heads
 * @param lengths  `[sequences]`, i32: keys of each sequence, the new tokens included
 * @returns        like `q`; a row that sees nothing is zero
 * @throws `ERR_VALUE` where a gradient is taken of `q`
 */
export function pagedAttention(
  q: Tensor,
  cache: PagedCache,
  lengths: Tensor,
  { scale = 1 / Math.sqrt(extent(q, -1)) }: PagedAttentionOptions = {},
): Tensor {
  inferenceOnly('paged_attention', { q }, 'attention');
  const y = q.like();
  q.device.run('paged_attention', { q, ...cache, lengths, y, scale });
  return y;
}

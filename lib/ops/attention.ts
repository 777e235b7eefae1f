import { record, wanted } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { extent } from './shapes.ts';

/** Which keys a query sees, and how scores are scaled. */
export interface AttentionOptions {
  /** Query `i` sees no key past `offsets[s] + i`; false unless told. */
  readonly causal?: boolean | undefined;
  /** Multiplies the scores; `1 / sqrt(headDim)` unless told. */
  readonly scale?: number | undefined;
  /** `[sequences]`, i32: the position of each sequence's first query; keys - queries unless told. */
  readonly offsets?: Tensor | undefined;
  /** `[sequences]`, i32 in [0, keys]: how many keys count; all unless told. */
  readonly lengths?: Tensor | undefined;
}

/**
 * `softmax(scale * q kᵀ + mask) v` for each sequence and head, without storing the scores. Head `h`
 * reads key-value head `h / (heads / kvHeads)`. Dao et al. 2022.
 *
 * @param q  `[sequences, queries, heads, headDim]`, f32 or bf16, headDim at most 512
 * @param k  `[sequences, keys, kvHeads, headDim]`, dtype of `q`; kvHeads divide the heads
 * @param v  like `k`
 * @returns  like `q`; a row that sees nothing is zero
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { causal = false, scale = 1 / Math.sqrt(extent(q, -1)) } = options;
  const shared = { q, k, v, qOffsets: options.offsets, kLengths: options.lengths, causal, scale };
  const y = q.like();
  // Only the gradient needs the log-sums.
  const differentiated = [q, k, v].some(wanted);
  const lse = differentiated
    ? q.device.tensor([extent(q, 0), extent(q, 2), extent(q, 1)], 'f32')
    : undefined;
  q.device.run('attention', { ...shared, y, lse });
  if (!lse) return y;
  return record(y, [q, k, v], (dy) => {
    const [dq, dk, dv] = [q.like(), k.like(), v.like()];
    q.device.run('attention_backward', { ...shared, y, lse, dy, dq, dk, dv });
    return [dq, dk, dv];
  });
}

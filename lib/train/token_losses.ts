import { checkpoint } from '../autograd/checkpoint.ts';
import type { LmHead } from '../models/lm_head.ts';
import { concat, slice } from '../ops/copy_slice.ts';
import { crossEntropy } from '../ops/cross_entropy.ts';
import { reshape } from '../ops/reshape.ts';
import { count } from '../ops/shapes.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What is added to losses of tokens, and how much of them is in memory at once. */
export interface TokenLossOptions {
  /** How much `lse²` adds to each loss; 0 unless told, 1e-5 in Lumina-mGPT's recipe. */
  readonly zLoss?: number | undefined;
  /**
   * Logits that are in memory at once, in rows; all unless told. They are then computed twice where a
   * gradient is taken, and nothing else changes.
   */
  readonly chunkRows?: number | undefined;
}

/**
 * The cross-entropy of each next token: minus its log-probability, plus `zLoss` times the square of
 * the log of the normaliser.
 *
 * @param hidden      `[..., dim]`, what the head reads
 * @param nextLabels  `[rows]`, i32: what follows each row, negative where it does not count
 * @returns           `[rows]`, f32; 0 where it does not count
 */
export function tokenLosses(
  head: LmHead,
  hidden: Tensor,
  nextLabels: Tensor,
  { zLoss = 0, chunkRows = Number.POSITIVE_INFINITY }: TokenLossOptions = {},
): Tensor {
  const rows = count(hidden.shape.slice(0, -1));
  const flat = reshape(hidden, [rows, hidden.shape.at(-1)!]);
  if (rows <= chunkRows) return crossEntropy(head.forward(flat), nextLabels, { zLoss });
  const parts: Tensor[] = [];
  for (let begin = 0; begin < rows; begin += chunkRows) {
    const end = Math.min(begin + chunkRows, rows);
    parts.push(
      checkpoint(() => {
        const labels = slice(nextLabels, begin, end);
        return crossEntropy(head.forward(slice(flat, begin, end)), labels, { zLoss });
      }),
    );
  }
  return concat(parts);
}

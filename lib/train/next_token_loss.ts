import { checkpoint } from '../autograd/checkpoint.ts';
import { StylearError } from '../error.ts';
import type { LmHead } from '../models/lm_head.ts';
import { add } from '../ops/add.ts';
import { slice } from '../ops/copy_slice.ts';
import { crossEntropy } from '../ops/cross_entropy.ts';
import { reshape } from '../ops/reshape.ts';
import { count } from '../ops/shapes.ts';
import { sum } from '../ops/sum_rows.ts';
import type { Tensor } from '../tensor/tensor.ts';

export interface NextTokenLossOptions {
  /** How much `mean(lse²)` adds; 0 unless told, 1e-5 in Lumina-mGPT's recipe. */
  readonly zLoss?: number;
  /** Logits that are in memory at once, in rows; all unless told. They are then computed twice. */
  readonly chunkRows?: number;
}

/**
 * The mean cross-entropy of the next tokens, plus `zLoss` times the mean of the squared log of the
 * normaliser over the same rows.
 *
 * @param hidden      `[..., dim]`, what the head reads
 * @param nextLabels  `[rows]`, i32: what follows each row, negative where it does not count
 * @param labelCount  how many count, at least 1
 * @returns           `[1]`, f32
 */
export function nextTokenLoss(
  head: LmHead,
  hidden: Tensor,
  nextLabels: Tensor,
  labelCount: number,
  { zLoss = 0, chunkRows = Number.POSITIVE_INFINITY }: NextTokenLossOptions = {},
): Tensor {
  if (labelCount < 1) {
    throw new StylearError(
      'ERR_VALUE',
      `nextTokenLoss: expected labelCount to be at least 1, got ${labelCount}`,
    );
  }
  const rows = count(hidden.shape.slice(0, -1));
  const flat = reshape(hidden, [rows, hidden.shape.at(-1)!]);
  const lossOf = (part: Tensor, labels: Tensor) => {
    const weights = hidden.device.full(labels.shape, 1 / labelCount);
    return sum(crossEntropy(head.forward(part), labels, { weights, zLoss }));
  };
  if (rows <= chunkRows) return lossOf(flat, nextLabels);
  let total: Tensor | undefined;
  for (let begin = 0; begin < rows; begin += chunkRows) {
    const end = Math.min(begin + chunkRows, rows);
    const part = checkpoint(() => lossOf(slice(flat, begin, end), slice(nextLabels, begin, end)));
    total = total ? add(total, part) : part;
  }
  return total!;
}

import { StylearError } from '../error.ts';
import type { LmHead } from '../models/lm_head.ts';
import { sumRows } from '../ops/sum_rows.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type TokenLossOptions, tokenLosses } from './token_losses.ts';

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
  options: TokenLossOptions = {},
): Tensor {
  if (labelCount < 1) {
    throw new StylearError(
      'ERR_VALUE',
      `nextTokenLoss: expected labelCount to be at least 1, got ${labelCount}`,
    );
  }
  return sumRows(tokenLosses(head, hidden, nextLabels, options), [1], { scale: 1 / labelCount });
}

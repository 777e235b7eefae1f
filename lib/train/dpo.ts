import type { LmHead } from '../models/lm_head.ts';
import { add, scale, subtract } from '../ops/add.ts';
import { permute } from '../ops/permute.ts';
import { logSigmoid } from '../ops/pointwise.ts';
import { reshape } from '../ops/reshape.ts';
import { mean, sumRows } from '../ops/sum_rows.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type TokenLossOptions, tokenLosses } from './token_losses.ts';

/**
 * The log-probability of the labels of each sequence: the sum over its tokens.
 *
 * @param hidden      `[sequences, tokens, dim]`, what the head reads
 * @param nextLabels  `[sequences * tokens]`, i32: what follows each token, negative where it does not
 *                    count
 * @returns           `[sequences]`, f32
 */
export function sequenceLogProbs(
  head: LmHead,
  hidden: Tensor,
  nextLabels: Tensor,
  options: Pick<TokenLossOptions, 'chunkRows'> = {},
): Tensor {
  const [sequences, tokens] = hidden.shape as [number, number];
  const losses = tokenLosses(head, hidden, nextLabels, options);
  const byToken = permute(reshape(losses, [sequences, tokens]), [1, 0]);
  return sumRows(byToken, [sequences], { scale: -1 });
}

/** Log-probabilities of the preferred answer and of the other, by the same model. */
export interface PairLogProbs {
  /** `[pairs]`, f32 */
  readonly chosen: Tensor;
  /** `[pairs]`, f32 */
  readonly rejected: Tensor;
}

/** How strongly preferences are learned. */
export interface DpoOptions {
  /** How much leaving the reference costs, positive; 0.1 unless told. */
  readonly beta?: number | undefined;
}

/**
 * Direct preference optimisation (Rafailov et al. 2023, eq. 7): the mean of `-log sigmoid(margin)`
 * with `margin = beta ((chosen - chosen_ref) - (rejected - rejected_ref))`.
 *
 * @param policy     of the model that is trained
 * @param reference  of the model that it began as; no gradient needs to be taken of it
 * @returns          `loss`, `[1]`; `margin`, `[pairs]`, which is positive where the preferred answer
 *                   gained on the other
 */
export function dpoLoss(
  policy: PairLogProbs,
  reference: PairLogProbs,
  { beta = 0.1 }: DpoOptions = {},
): { loss: Tensor; margin: Tensor } {
  const chosen = subtract(policy.chosen, reference.chosen);
  const rejected = subtract(policy.rejected, reference.rejected);
  const margin = add(chosen, rejected, { alpha: beta, beta: -beta });
  return { loss: scale(mean(logSigmoid(margin)), -1), margin };
}

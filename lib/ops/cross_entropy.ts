import { record } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { extent } from './shapes.ts';

/** What is done to the losses of rows. */
export interface CrossEntropyOptions {
  /** `[rows]`, f32: multiplies each row's loss; with `1 / count` the rows sum to the mean. */
  readonly weights?: Tensor | undefined;
  /**
   * How much `lse²` adds to each loss, 0 or more, which keeps `lse` near 0; 0 unless told. Chowdhery et
   * al. 2022.
   */
  readonly zLoss?: number | undefined;
}

/**
 * The loss of each row, `weights[r] * (lse - logits[r, labels[r]] + zLoss * lse²)` with
 * `lse = log sum exp` of the row. Probabilities are never stored. The weights get no gradient.
 *
 * @param logits  `[rows, classes]`, f32 or bf16
 * @param labels  `[rows]`, i32 in [0, classes), or negative to ignore the row
 * @returns       `[rows]`, f32; 0 for an ignored row
 */
export function crossEntropy(
  logits: Tensor,
  labels: Tensor,
  { weights, zLoss = 0 }: CrossEntropyOptions = {},
): Tensor {
  const rows = [extent(logits, 0)];
  const loss = logits.device.tensor(rows, 'f32');
  const lse = logits.device.tensor(rows, 'f32');
  logits.device.run('cross_entropy', { logits, labels, weights, loss, lse, zLoss });
  return record(loss, [logits], (dloss) => {
    const dlogits = logits.like();
    logits.device.run('cross_entropy_backward', {
      logits,
      labels,
      weights,
      lse,
      dloss,
      dlogits,
      zLoss,
    });
    return [dlogits];
  });
}

import type { Tensor } from '../tensor/tensor.ts';
import { crossEntropy } from './cross_entropy.ts';
import { matmul } from './matmul.ts';
import { extent } from './shapes.ts';

/** The temperature of the loss, and which key belongs to which query. */
export interface InfoNceOptions {
  /** Divides the similarities, positive; 0.07 unless told. */
  readonly temperature?: number | undefined;
  /** `[rows]`, i32: which key belongs to each query; key `i` to query `i` unless told. */
  readonly labels?: Tensor | undefined;
}

/**
 * The contrastive loss of each query: cross-entropy of finding its own key among all, by the inner
 * products `queries keysᵀ / temperature`. van den Oord et al. 2018, eq. 4. For a symmetric loss take
 * it both ways; for cosines, `l2Normalise` first.
 *
 * @param queries  `[rows, dim]`, f32 or bf16
 * @param keys     `[candidates, dim]`, f32 or bf16, candidates at least rows
 * @returns        `[rows]`, f32
 */
export function infoNce(
  queries: Tensor,
  keys: Tensor,
  { temperature = 0.07, labels }: InfoNceOptions = {},
): Tensor {
  const logits = matmul(queries, keys, { transposeB: true, alpha: 1 / temperature, dtype: 'f32' });
  const rows = extent(queries, 0);
  const own =
    labels ??
    queries.device.from(
      Int32Array.from({ length: rows }, (_, i) => i),
      [rows],
    );
  return crossEntropy(logits, own);
}

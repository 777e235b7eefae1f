import type { Tensor } from '../tensor/tensor.ts';
import type { Float } from './cast.ts';

/** A matrix in 8 bits: `weight[r, i] * scale[r]`. */
export interface QuantisedRows {
  /** `[rows, width]`, i8 in [-127, 127]. */
  readonly weight: Tensor;
  /** `[rows]`, f32: the largest magnitude of the row over 127; 1 where that is 0. */
  readonly scale: Tensor;
}

/**
 * The rows of `x` in 8 bits, each with its own scale, rounded to nearest even.
 *
 * @param x  `[rows, width]`, f32 or bf16
 */
export function quantiseRows(x: Tensor): QuantisedRows {
  const q = x.device.tensor(x.shape, 'i8');
  const scale = x.device.tensor([x.shape[0] ?? 1], 'f32');
  x.device.run('quantise', { x, q, scale });
  return { weight: q, scale };
}

/**
 * What 8-bit rows stand for.
 *
 * @param rows   as `quantiseRows` makes them
 * @param dtype  f32 unless told
 * @returns      `[rows, width]`
 */
export function dequantiseRows(rows: QuantisedRows, dtype: Float = 'f32'): Tensor {
  const { weight, scale } = rows;
  const y = weight.device.tensor(weight.shape, dtype);
  weight.device.run('dequantise', { q: weight, scale, y });
  return y;
}

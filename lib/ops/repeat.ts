import { record } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Extents } from './shapes.ts';
import { sumRows } from './sum_rows.ts';

/**
 * `x` laid down again and again until `shape` is full: one row for every row of a batch.
 *
 * @param x      any shape, f32 or bf16
 * @param shape  a multiple of the elements of `x`
 * @returns      `shape`, dtype of `x`
 */
export function repeat(x: Tensor, shape: Extents): Tensor {
  const y = x.device.tensor(shape, x.dtype);
  x.device.run('repeat', { x, y });
  return record(y, [x], (dy) => [sumRows(dy, x.shape)]);
}

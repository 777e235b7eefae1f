import { record } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { castLike, type Float, floatOf } from './cast.ts';
import { count, type Extents } from './shapes.ts';

/** What becomes of the sums. */
export interface SumRowsOptions {
  /** Multiplies the sums; 1 unless told. */
  readonly scale?: number | undefined;
  /** f32, or the dtype of `x`, which is the default. */
  readonly dtype?: Float | undefined;
}

/**
 * `y[i] = scale * sum_r x[r, i]`, with `x` seen as rows of as many elements as `shape` has. Summed in
 * f32 in an order that depends on the shape alone.
 *
 * @param x      a multiple of the elements of `shape`, f32 or bf16
 * @param shape  of the result
 */
export function sumRows(x: Tensor, shape: Extents, options: SumRowsOptions = {}): Tensor {
  const { scale = 1, dtype = floatOf(x) } = options;
  const y = x.device.tensor(shape, dtype);
  x.device.run('sum_rows', { x, y, scale });
  return record(y, [x], (dy) => {
    const row = dy.like();
    x.device.run('add', { x: dy, z: row, alpha: scale, beta: 0 });
    const dx = x.like();
    x.device.run('repeat', { x: castLike(row, x), y: dx });
    return [dx];
  });
}

/**
 * The sum of all elements.
 *
 * @param x  any shape, f32 or bf16
 * @returns  `[1]`, f32
 */
export const sum = (x: Tensor): Tensor => sumRows(x, [1], { dtype: 'f32' });

/**
 * The mean of all elements.
 *
 * @param x  any shape, f32 or bf16
 * @returns  `[1]`, f32
 */
export const mean = (x: Tensor): Tensor =>
  sumRows(x, [1], { scale: 1 / count(x.shape), dtype: 'f32' });

/** The gradient of something like `other` that was repeated to the shape of `dy`. */
export function sumLike(dy: Tensor, other: Tensor, scale = 1): Tensor {
  if (dy.count === other.count && dy.dtype === other.dtype && scale === 1) {
    return dy.reshape(other.shape);
  }
  const dtype = other.dtype === dy.dtype ? floatOf(dy) : 'f32';
  return castLike(sumRows(dy, other.shape, { scale, dtype }), other);
}

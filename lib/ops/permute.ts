import { record } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * `x` with its axes in another order: axis `a` of the result is axis `order[a]` of `x`.
 *
 * @param x      rank 1 to 6, any dtype
 * @param order  a permutation of the axes of `x`
 */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  const y = x.device.tensor(
    order.map((axis) => x.shape[axis] ?? 1),
    x.dtype,
  );
  x.device.run('permute', { x, y, order });
  return record(y, [x], (dy) => [
    permute(
      dy,
      order.map((_, axis) => order.indexOf(axis)),
    ),
  ]);
}

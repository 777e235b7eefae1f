import { requireInRange } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * Sets every element of `y` to `value`, in place. `Device.full` and `Device.zeros` make new tensors.
 *
 * @param y      any shape, any dtype; i32 and i8 take the value truncated
 * @param value  any number; within the range of `y` where that has integers
 */
export function fill(y: Tensor, value: number): void {
  requireInRange('fill', value, y.dtype);
  y.device.run('fill', { y, value });
}

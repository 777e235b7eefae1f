import { record } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What ops compute in. */
export type Float = 'f32' | 'bf16';

/**
 * `x` in another dtype. f32 to bf16 rounds to nearest even; i32 to f32 is exact below 2^24.
 *
 * @param x      any shape, f32, bf16 or i32
 * @param dtype  f32 or bf16
 * @returns      shape of `x`; `x` itself where it has that dtype already
 */
export function cast(x: Tensor, dtype: Float): Tensor {
  if (x.dtype === dtype) return x;
  const y = x.device.tensor(x.shape, dtype);
  x.device.run('cast', { x, y });
  return record(y, [x], (dy) => [castLike(dy, x)]);
}

/** `x` in the dtype of `other`, where that is f32 or bf16; any other is refused by the op. */
export const castLike = (x: Tensor, other: Tensor): Tensor => cast(x, floatOf(other));

/** The dtype of `x`, taken for one that ops compute in: they refuse the others. */
export const floatOf = (x: Tensor): Float => x.dtype as Float;

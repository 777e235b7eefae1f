import { record, wanted } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { castLike } from './cast.ts';
import { sumLike } from './sum_rows.ts';

/**
 * `x * y`, element by element. Where `y` has fewer elements it is repeated along the leading axes of
 * `x`; `y` of one element scales by a number that lives on the device.
 *
 * @param x  any shape, f32 or bf16
 * @param y  dtype of `x`, or f32; its elements divide those of `x`
 * @returns  like `x`
 */
export function multiply(x: Tensor, y: Tensor): Tensor {
  const z = x.like();
  x.device.run('multiply', { x, y, z });
  // The products for dy are formed in its dtype, so that an f32 y loses nothing to a bf16 x.
  return record(z, [x, y], (dz) => [
    wanted(x) ? multiply(dz, y) : undefined,
    wanted(y) ? sumLike(multiply(castLike(dz, y), castLike(x, y)), y) : undefined,
  ]);
}

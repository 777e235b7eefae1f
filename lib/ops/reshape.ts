import { record } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Extents } from './shapes.ts';

/**
 * The same elements, in the same order, under another shape. Nothing is copied.
 *
 * @param x      any shape, any dtype
 * @param shape  as many elements as `x`
 * @returns      `shape`, sharing the memory of `x`
 */
export function reshape(x: Tensor, shape: Extents): Tensor {
  return record(x.reshape(shape), [x], (dy) => [dy.reshape(x.shape)]);
}

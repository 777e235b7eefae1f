import type { Tensor } from '../tensor/tensor.ts';

/**
 * `x += step`, in place: positions, lengths and counters that a recorded step moves on by itself.
 *
 * @param x     any shape, i32
 * @param step  like `x`, or `[1]`, i32
 */
export function advance(x: Tensor, step: Tensor): void {
  x.device.run('advance', { x, step });
}

import { record } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** The angles of the rotation, and its direction. */
export interface RopeOptions {
  /** The base of the angles, positive; 10000 unless told. */
  readonly theta?: number | undefined;
  /** Rotate back; false unless told. */
  readonly inverse?: boolean | undefined;
}

/**
 * Rotary position embedding in the half layout: with `d = headDim` and the angle
 * `a_i(p) = p * theta^(-2i/d)`, the pair `(x_i, x_{i + d/2})` is rotated by `a_i`.
 * Su et al. 2021, eq. 34.
 *
 * @param x          `[sequences, tokens, heads, headDim]`, f32 or bf16, headDim even
 * @param positions  `[sequences, tokens]`, i32
 * @returns          like `x`
 */
export function rope(x: Tensor, positions: Tensor, options: RopeOptions = {}): Tensor {
  const { theta = 10000, inverse = false } = options;
  const y = x.like();
  x.device.run('rope', { x, positions, y, theta, inverse });
  return record(y, [x], (dy) => [rope(dy, positions, { theta, inverse: !inverse })]);
}

import { record, wanted } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { sumLike } from './sum_rows.ts';

/** The factors of a sum. */
export interface AddOptions {
  /** Multiplies `x`; 1 unless told. */
  readonly alpha?: number | undefined;
  /** Multiplies `y`; 1 unless told. */
  readonly beta?: number | undefined;
}

/**
 * `alpha * x + beta * y`. Where `y` has fewer elements it is repeated along the leading axes of `x`:
 * a bias, a position table.
 *
 * @param x  any shape, f32 or bf16
 * @param y  dtype of `x`; its elements divide those of `x`
 * @returns  like `x`
 */
export function add(x: Tensor, y: Tensor, { alpha = 1, beta = 1 }: AddOptions = {}): Tensor {
  const z = x.like();
  addInto(z, x, y, { alpha, beta });
  return record(z, [x, y], (dz) => [
    wanted(x) ? scaled(dz, alpha) : undefined,
    wanted(y) ? sumLike(dz, y, beta) : undefined,
  ]);
}

/** As `add`, into `z` and without a note for gradients. `z` may be `x`. */
export function addInto(
  z: Tensor,
  x: Tensor,
  y: Tensor,
  { alpha = 1, beta = 1 }: AddOptions = {},
): void {
  z.device.run('add', { x, y, z, alpha, beta });
}

/**
 * `x - y`.
 *
 * @param x  any shape, f32 or bf16
 * @param y  dtype of `x`; its elements divide those of `x`, along whose leading axes it is repeated
 * @returns  like `x`
 */
export const subtract = (x: Tensor, y: Tensor): Tensor => add(x, y, { beta: -1 });

/**
 * `alpha * x`.
 *
 * @param x      any shape, f32 or bf16
 * @param alpha  a finite number
 * @returns      like `x`
 */
export function scale(x: Tensor, alpha: number): Tensor {
  const z = x.like();
  x.device.run('add', { x, z, alpha, beta: 0 });
  return record(z, [x], (dz) => [scale(dz, alpha)]);
}

const scaled = (x: Tensor, alpha: number): Tensor => (alpha === 1 ? x : scale(x, alpha));

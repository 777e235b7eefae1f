import { record } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What keeps short vectors from being divided by 0. */
export interface L2NormaliseOptions {
  /** The least length that is divided by; 1e-12 unless told. */
  readonly eps?: number | undefined;
}

/**
 * `x / max(|x|, eps)` over the last axis, |x| the Euclidean length.
 *
 * @param x  `[..., dim]`, f32 or bf16
 * @returns  like `x`
 */
export function l2Normalise(x: Tensor, { eps = 1e-12 }: L2NormaliseOptions = {}): Tensor {
  const y = x.like();
  x.device.run('l2_normalise', { x, y, eps });
  return record(y, [x], (dy) => {
    const dx = x.like();
    x.device.run('l2_normalise_backward', { x, dy, dx, eps });
    return [dx];
  });
}

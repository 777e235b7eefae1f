import { record, recordAll, wanted } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** The constant of the norm. */
export interface RmsNormOptions {
  /** Added to the mean square; 1e-5 unless told. */
  readonly eps?: number | undefined;
}

/**
 * Root-mean-square normalisation over the last axis: `x / sqrt(mean(x²) + eps) * weight`. The
 * normalised value is rounded to the dtype of `x` before it is multiplied, as Chameleon does.
 * Zhang & Sennrich 2019, eq. 4.
 *
 * @param x       `[..., dim]`, f32 or bf16
 * @param weight  `[dim]`, dtype of `x` or f32
 * @returns       like `x`
 */
export function rmsNorm(x: Tensor, weight: Tensor, { eps = 1e-5 }: RmsNormOptions = {}): Tensor {
  const y = x.like();
  x.device.run('rms_norm', { x, weight, y, eps });
  return record(y, [x, weight], (dy) => backward(x, weight, dy, undefined, eps));
}

/**
 * A residual sum and its normalisation in one pass: `h = x + residual`, `y = rmsNorm(h)`.
 *
 * @param x         `[..., dim]`, f32 or bf16
 * @param residual  like `x`
 * @param weight    `[dim]`, dtype of `x` or f32
 * @returns         `y` and `h`, like `x`; `h` is rounded to that dtype before it is normalised
 */
export function addRmsNorm(
  x: Tensor,
  residual: Tensor,
  weight: Tensor,
  { eps = 1e-5 }: RmsNormOptions = {},
): { y: Tensor; h: Tensor } {
  const y = x.like();
  const h = x.like();
  x.device.run('rms_norm', { x, residual, weight, y, h, eps });
  recordAll([y, h], [x, residual, weight], ([dy, dh]) => {
    if (!dy) return [dh, dh, undefined];
    const [dx, dweight] = backward(h, weight, dy, dh, eps);
    return [dx, dx, dweight];
  });
  return { y, h };
}

function backward(h: Tensor, weight: Tensor, dy: Tensor, dh: Tensor | undefined, eps: number) {
  const dx = h.like();
  const dweight = wanted(weight) ? weight.like() : undefined;
  h.device.run('rms_norm_backward', { h, weight, dy, dh, dx, dweight, eps });
  return [dx, dweight] as const;
}

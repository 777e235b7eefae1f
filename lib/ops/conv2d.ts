import { record, wanted } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { extent } from './shapes.ts';
import { sumLike } from './sum_rows.ts';

/** Zeros around an image: the same on all sides, or top, left, bottom and right. */
export type Padding = number | readonly [number, number, number, number];

/** How windows lie, and what is added to the result. */
export interface Conv2dOptions {
  /** `[out]`, dtype of `x` or f32. */
  readonly bias?: Tensor | undefined;
  /** Like the result, added last. */
  readonly residual?: Tensor | undefined;
  /** Pixels from one window to the next, at least 1, which is the default. */
  readonly stride?: number | undefined;
  /** Each less than the kernel; 0 unless told. The VQGAN's downsampling has `[0, 0, 1, 1]`. */
  readonly padding?: Padding | undefined;
}

/**
 * Convolution (correlation) of images with `weight`, zero outside the picture, plus bias and residual.
 *
 * @param x       `[images, height, width, in]`, f32 or bf16
 * @param weight  `[out, kernelHeight, kernelWidth, in]`, dtype of `x` or f32
 * @returns       `[images, (height + top + bottom - kernelHeight) / stride + 1, ..., out]`
 */
export function conv2d(x: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor {
  const { bias, residual, stride = 1 } = options;
  const padding = sides(options.padding ?? 0);
  const [top, left, bottom, right] = padding;
  const along = (axis: 1 | 2, sum: number) =>
    Math.max(
      1,
      Math.floor((extent(x, axis) + sum - extent(weight, axis)) / Math.max(stride, 1)) + 1,
    );
  const y = x.device.tensor(
    [extent(x, 0), along(1, top + bottom), along(2, left + right), extent(weight, 0)],
    x.dtype,
  );
  conv2dInto(y, x, weight, options);
  return record(y, [x, weight, bias, residual], (dy) => {
    const dx = wanted(x) ? x.like() : undefined;
    if (dx) x.device.run('conv2d_backward_input', { weight, dy, dx, stride, padding });
    const dweight = wanted(weight) ? weight.like() : undefined;
    if (dweight) x.device.run('conv2d_backward_weight', { x, dy, dweight, stride, padding });
    return [dx, dweight, bias && wanted(bias) ? sumLike(dy, bias) : undefined, dy];
  });
}

/** As `conv2d`, into `y` and without a note for gradients. `y` may be the residual. */
export function conv2dInto(
  y: Tensor,
  x: Tensor,
  weight: Tensor,
  { bias, residual, stride = 1, padding = 0 }: Conv2dOptions = {},
): void {
  x.device.run('conv2d', { x, weight, bias, residual, y, stride, padding: sides(padding) });
}

const sides = (padding: Padding): readonly [number, number, number, number] =>
  typeof padding === 'number' ? [padding, padding, padding, padding] : padding;

import { type Conv2dOptions, conv2d, conv2dInto, type Padding } from '../ops/conv2d.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Init, zeros } from '../weights/init.ts';
import type { Weights } from '../weights/weights.ts';

/** What a convolution has beside its extents. */
export interface Conv2dSettings {
  /** Pixels from one window to the next; 1 unless told. */
  readonly stride?: number | undefined;
  /** 0 unless told. */
  readonly padding?: Padding | undefined;
  /** Whether there is a bias; true unless told. */
  readonly bias?: boolean | undefined;
  /** Of the weight where there is no file; uniform up to `1 / sqrt(inputs * kernel²)` unless told. */
  readonly init?: Init | undefined;
}

/** A convolution with a square kernel; see `conv2d`. */
export class Conv2d {
  /** `[outputs, kernel, kernel, inputs]`; files have `[outputs, inputs, kernel, kernel]`. */
  readonly weight: Tensor;
  /** `[outputs]` */
  readonly bias: Tensor | undefined;
  private readonly settings: { readonly stride: number; readonly padding: Padding };

  /** @param w  has `weight` and, where there is one, `bias` */
  constructor(
    w: Weights,
    inputs: number,
    outputs: number,
    kernel: number,
    { stride = 1, padding = 0, bias = true, init }: Conv2dSettings = {},
  ) {
    const bound = { uniform: 1 / Math.sqrt(inputs * kernel * kernel) };
    this.weight = w.tensor('weight', [outputs, inputs, kernel, kernel], init ?? bound, {
      layout: 'convolution',
    });
    this.bias = bias ? w.tensor('bias', [outputs], zeros, { dtype: 'f32' }) : undefined;
    this.settings = { stride, padding };
  }

  /**
   * @param x         `[images, height, width, inputs]`, f32 or bf16
   * @param residual  like the result, added last
   * @returns         `[images, height', width', outputs]`
   */
  forward(x: Tensor, residual?: Tensor): Tensor {
    return conv2d(x, this.weight, { ...this.settings, bias: this.bias, residual });
  }

  /**
   * As `forward`, into `y` and without a note for gradients.
   *
   * @param y        the result, which may be the residual
   * @param padding  instead of the layer's own
   */
  into(y: Tensor, x: Tensor, call: Pick<Conv2dOptions, 'residual' | 'padding'> = {}): void {
    conv2dInto(y, x, this.weight, { ...this.settings, bias: this.bias, ...call });
  }
}

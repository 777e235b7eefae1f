import type { Tensor } from '../tensor/tensor.ts';

/** How a stage runs where no gradient is taken. */
export interface StageRun {
  /** Rows of the result that are made at a time where it is made in strips, at least 1. */
  readonly rows: number;
  /**
   * Whether a residual block makes its inner map twice, a strip at a time, instead of holding it:
   * half the memory and half as much work again. It takes one image.
   */
  readonly again: boolean;
}

/** A step of an encoder or decoder. */
export interface Stage {
  /**
   * @param x  `[images, height, width, channels]`, f32
   * @returns  what the stage makes of it, differentiable
   */
  forward(x: Tensor): Tensor;

  /**
   * The same without a gradient, in less memory. `x` may be overwritten, and may be what is returned;
   * else the caller frees it.
   */
  consume(x: Tensor, run: StageRun): Tensor;
}

import type { Tensor } from '../tensor/tensor.ts';

/** What the optimizer keeps for one weight. */
export interface AdamWState {
  /** Like the weight, f32: mean of the gradients; zero before the first step. */
  readonly m: Tensor;
  /** Like the weight, f32: mean of their squares; zero before the first step. */
  readonly v: Tensor;
}

/** Rate, step and constants of one step of `adamw`. */
export interface AdamWOptions {
  /** `[1]`, f32: the learning rate. */
  readonly rate: Tensor;
  /** `[1]`, i32: how many steps this one makes, at least 1. */
  readonly step: Tensor;
  /** `[1]`, f32: multiplies the gradient, as clipping does. */
  readonly factor?: Tensor | undefined;
  /** Shape of the weight, bf16: receives a copy of the new weight. */
  readonly rounded?: Tensor | undefined;
  /** In [0, 1); 0.9 unless told. */
  readonly beta1?: number | undefined;
  /** In [0, 1); 0.95 unless told. */
  readonly beta2?: number | undefined;
  /** Positive; 1e-8 unless told. */
  readonly eps?: number | undefined;
  /** 0 or more; 0 unless told. */
  readonly decay?: number | undefined;
}

/**
 * One step of Adam with decoupled weight decay, in place. Loshchilov & Hutter 2019, algorithm 2.
 *
 * @param weight  any shape, f32
 * @param grad    shape of `weight`, f32 or bf16
 * @param state   read and written
 */
export function adamw(
  weight: Tensor,
  grad: Tensor,
  state: AdamWState,
  options: AdamWOptions,
): void {
  const { m, v } = state;
  const { rate, step, factor, rounded } = options;
  const { beta1 = 0.9, beta2 = 0.95, eps = 1e-8, decay = 0 } = options;
  weight.device.run('adamw', {
    weight,
    grad,
    m,
    v,
    rounded,
    rate,
    step,
    factor,
    beta1,
    beta2,
    eps,
    decay,
  });
}

import type { Float } from '../ops/cast.ts';
import { type Lora, linear } from '../ops/linear.ts';
import type { Pointwise } from '../ops/pointwise.ts';
import type { QuantisedRows } from '../ops/quantise.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Init, zeros } from '../weights/init.ts';
import type { Weights } from '../weights/weights.ts';

/** What a product has beside its extents. */
export interface LinearSettings {
  /** Whether there is a bias; true unless told. */
  readonly bias?: boolean | undefined;
  /** Of the weight where there is no file; uniform up to `1 / sqrt(inputs)` unless told. */
  readonly init?: Init | undefined;
}

/** What is done to the product in the same call. */
export interface LinearCall {
  /** Applied before the residual is added; none unless told. */
  readonly function?: Pointwise | undefined;
  /** Like the result, added last. */
  readonly residual?: Tensor | undefined;
  /** Of the result; that of `x` unless told. */
  readonly dtype?: Float | undefined;
}

/** `x Wᵀ + bias`, with a low-rank side path while one is set; see `linear`. */
export class Linear {
  /** `[outputs, inputs]`; another one while an adapter is merged. */
  weight: Tensor | QuantisedRows;
  /** `[outputs]` */
  readonly bias: Tensor | undefined;
  /** Added to the product while it is set. */
  lora: Lora | undefined = undefined;
  readonly inputs: number;
  readonly outputs: number;

  /** @param w  has `weight` (or its 8-bit rows) and, where there is one, `bias` */
  constructor(
    w: Weights,
    inputs: number,
    outputs: number,
    { bias = true, init = { uniform: 1 / Math.sqrt(inputs) } }: LinearSettings = {},
  ) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.weight = w.rows('weight', [outputs, inputs], init);
    this.bias = bias ? w.tensor('bias', [outputs], zeros, { dtype: 'f32' }) : undefined;
  }

  /**
   * @param x  `[..., inputs]`, f32 or bf16
   * @returns  `[..., outputs]`
   */
  forward(x: Tensor, call: LinearCall = {}): Tensor {
    return linear(x, this.weight, { ...call, bias: this.bias, lora: this.lora });
  }
}

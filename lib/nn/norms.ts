// The layers that normalise. Their weights are in f32 whatever the activations are in.
import { groupNorm, groupNormInto } from '../ops/group_norm.ts';
import { layerNorm } from '../ops/layer_norm.ts';
import { rmsNorm } from '../ops/rms_norm.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ones, zeros } from '../weights/init.ts';
import type { Weights } from '../weights/weights.ts';

const f32 = { dtype: 'f32' } as const;

/** See `layerNorm`. */
export class LayerNorm {
  /** `[dim]` or `[groups, dim]`, as is `bias`. */
  readonly weight: Tensor;
  readonly bias: Tensor;
  private readonly eps: number;

  /**
   * @param w      has `weight` and `bias`
   * @param shape  `[dim]`, or `[groups, dim]` for norms of heads
   * @param eps    added to the variance
   */
  constructor(w: Weights, shape: readonly number[], eps = 1e-5) {
    this.weight = w.tensor('weight', shape, ones, f32);
    this.bias = w.tensor('bias', shape, zeros, f32);
    this.eps = eps;
  }

  /** @param x  `[..., dim]`, or `[..., heads, dim]` with groups dividing the heads */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, { eps: this.eps });
  }
}

/** See `rmsNorm`. */
export class RmsNorm {
  /** `[dim]` */
  readonly weight: Tensor;
  readonly eps: number;

  /** @param w  has `weight` */
  constructor(w: Weights, dim: number, eps = 1e-5) {
    this.weight = w.tensor('weight', [dim], ones, f32);
    this.eps = eps;
  }

  /** @param x  `[..., dim]` */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.weight, { eps: this.eps });
  }
}

/** See `groupNorm`. */
export class GroupNorm {
  /** `[channels]`, as is `bias`. */
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly settings: { readonly groups: number; readonly eps: number };

  /** @param w  has `weight` and `bias` */
  constructor(w: Weights, channels: number, groups = 32, eps = 1e-6) {
    this.weight = w.tensor('weight', [channels], ones, f32);
    this.bias = w.tensor('bias', [channels], zeros, f32);
    this.settings = { groups, eps };
  }

  /**
   * @param x     `[images, height, width, channels]`
   * @param silu  apply `silu` to the result
   */
  forward(x: Tensor, silu = false): Tensor {
    return groupNorm(x, this.weight, this.bias, { ...this.settings, silu });
  }

  /** As `forward`, into `y`, which may be `x`, and without a note for gradients. */
  into(y: Tensor, x: Tensor, silu = false): void {
    groupNormInto(y, x, this.weight, this.bias, { ...this.settings, silu }).dispose();
  }
}

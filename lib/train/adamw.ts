import { StylearError } from '../error.ts';
import { type AdamWState, adamw } from '../ops/adamw.ts';
import { advance } from '../ops/advance.ts';
import { clipFactor, sumSquares } from '../ops/clip_factor.ts';
import { keep } from '../tensor/lifetime.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Weights } from '../weights/weights.ts';

export interface AdamWSettings {
  /** In [0, 1); 0.9 unless told. */
  readonly beta1?: number;
  /** In [0, 1); 0.95 unless told. */
  readonly beta2?: number;
  /** Positive; 1e-8 unless told. */
  readonly eps?: number;
  /** Of all parameters alike, decoupled from the gradient; 0 unless told. */
  readonly decay?: number;
  /** What the global norm of the gradients is cut to, positive; not at all unless told. */
  readonly maxNorm?: number | undefined;
}

/** Where a training stands that goes on. */
export interface AdamWProgress {
  /** Has `m` and `v`, and below them the names of the parameters; opened as writable. */
  readonly moments: Weights;
  /** Steps that were made. */
  readonly steps: number;
}

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019) and clipping by the global norm, over
 * named tensors, in place. Rate and step count live on the device, so that a step can be recorded.
 */
export class AdamW {
  /** `[1]`, f32: the learning rate of the next step; 0 until it is written. */
  readonly rate: Tensor;
  /** `[1]`, i32: steps that were made. */
  readonly steps: Tensor;
  /** Both moments of every parameter, to be saved. */
  readonly moments: Weights;
  private readonly parameters: readonly (AdamWState & { readonly weight: Tensor })[];
  private readonly settings: AdamWSettings;
  private readonly one: Tensor;

  /**
   * @param parameters  at least one, f32, not of a mapped file; by names that differ
   * @param progress    of a training that goes on; a new one begins unless told
   */
  constructor(
    parameters: Iterable<readonly [string, Tensor]>,
    settings: AdamWSettings = {},
    progress?: AdamWProgress,
  ) {
    const named = [...parameters];
    const [first] = named;
    if (!first) {
      throw new StylearError(
        'ERR_VALUE',
        'AdamW: expected parameters to be at least one, got none',
      );
    }
    const twice = named.find(([name], i) => named.findIndex(([other]) => other === name) < i);
    if (twice) {
      throw new StylearError(
        'ERR_VALUE',
        `AdamW: expected names of parameters to differ, got ${twice[0]} twice`,
      );
    }
    const { device } = first[1];
    const moments = progress?.moments ?? Weights.fresh(device, { dtype: 'f32' });
    this.parameters = named.map(([name, weight]) => ({
      weight,
      m: moments.at('m').tensor(name, weight.shape),
      v: moments.at('v').tensor(name, weight.shape),
    }));
    this.moments = moments;
    this.settings = settings;
    this.rate = keep(device.zeros([1]));
    this.steps = keep(device.full([1], progress?.steps ?? 0, 'i32'));
    this.one = keep(device.full([1], 1, 'i32'));
  }

  /** Sets the learning rate of the steps from here on. */
  setRate(rate: number): void {
    this.rate.write([rate]);
  }

  /**
   * Moves every parameter.
   *
   * @param gradients  one for each parameter, in their order; f32 or bf16
   * @returns          `[1]`, f32: the square of their global norm before clipping
   */
  step(gradients: readonly Tensor[]): Tensor {
    if (gradients.length !== this.parameters.length) {
      throw new StylearError(
        'ERR_VALUE',
        `AdamW: expected gradients to be ${this.parameters.length}, one for each parameter, got ` +
          `${gradients.length}`,
      );
    }
    const { maxNorm, ...settings } = this.settings;
    return scope(() => {
      const squares = sumSquares(gradients);
      const factor = maxNorm === undefined ? undefined : clipFactor(squares, { maxNorm });
      advance(this.steps, this.one);
      const { rate, steps: step } = this;
      for (const [i, { weight, ...state }] of this.parameters.entries())
        adamw(weight, gradients[i]!, state, { ...settings, rate, step, factor });
      return squares;
    });
  }

  /** Frees what the optimizer keeps; the parameters stay. */
  dispose(): void {
    this.moments.dispose();
    for (const tensor of [this.rate, this.steps, this.one]) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

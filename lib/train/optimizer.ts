import { StylearError } from '../error.ts';
import { type AdamWState, adamw } from '../ops/adamw.ts';
import { advance } from '../ops/advance.ts';
import { cast } from '../ops/cast.ts';
import { clipFactor, sumSquares } from '../ops/clip_factor.ts';
import { copyIn } from '../ops/copy_slice.ts';
import { keep } from '../tensor/lifetime.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Weights } from '../weights/weights.ts';
import { muon } from './muon.ts';

/** The constants of the optimizer. */
export interface AdamWSettings {
  /** In [0, 1); 0.9 unless told. */
  readonly beta1?: number | undefined;
  /** In [0, 1); 0.95 unless told. */
  readonly beta2?: number | undefined;
  /** Positive; 1e-8 unless told. */
  readonly eps?: number | undefined;
  /** Of all parameters alike, decoupled from the gradient; 0 unless told. */
  readonly decay?: number | undefined;
  /** What the global norm of the gradients is cut to, positive; not at all unless told. */
  readonly maxNorm?: number | undefined;
}

/** What moves which parameters, by which constants. */
export interface OptimizerSettings extends AdamWSettings {
  /** What moves the matrices that a trainer names; AdamW, which moves everything else, unless told. */
  readonly optimizer?: 'adamw' | 'muon' | undefined;
  /** Of Muon, in [0, 1); 0.95 unless told. */
  readonly momentum?: number | undefined;
}

/** Where a training stands that goes on. */
export interface OptimizerProgress {
  /**
   * Has `m` and, but for what Muon moves, `v`, and below them the names of the parameters, and `master`
   * with the names of those that are in bf16; opened as writable.
   */
  readonly moments: Weights;
  /** Steps that were made. */
  readonly steps: number;
}

interface Parameter {
  /** What is moved, f32. */
  readonly weight: Tensor;
  /** As AdamW has it, or the momentum of Muon. */
  readonly state: AdamWState | { readonly m: Tensor };
  /** The parameter, where that is in bf16: receives the moved weight, rounded. */
  readonly rounded: Tensor | undefined;
}

/**
 * AdamW (Loshchilov & Hutter 2019), or with it Muon (Jordan et al. 2024), and clipping by the global norm,
 * over named tensors, in place. A parameter in bf16 has a master in f32, which is what is moved: steps
 * that are smaller than a rounding of bf16 are not lost. Rate and step count live on the device, so that
 * a step can be recorded.
 */
export class Optimizer {
  /** `[1]`, f32: the learning rate of the next step; 0 until it is written. */
  readonly rate: Tensor;
  /** `[1]`, i32: steps that were made. */
  readonly steps: Tensor;
  /** The moments of every parameter, and the masters of those in bf16, to be saved. */
  readonly moments: Weights;
  /** The f32 weights by name: the parameters themselves, or the masters of those in bf16. */
  readonly weights: readonly (readonly [string, Tensor])[];
  private readonly parameters: readonly Parameter[];
  private readonly settings: OptimizerSettings;
  private readonly one: Tensor;

  /**
   * @param parameters  at least one, f32 or bf16, not of a mapped file; by names that differ
   * @param matrices    names of those that Muon moves where it is asked for, `[out, in]` each
   * @param progress    of a training that goes on; a new one begins unless told
   */
  constructor(
    parameters: Iterable<readonly [string, Tensor]>,
    settings: OptimizerSettings = {},
    matrices: ReadonlySet<string> = new Set(),
    progress?: OptimizerProgress,
  ) {
    const named = [...parameters];
    const [first] = named;
    if (!first) {
      throw new StylearError(
        'ERR_VALUE',
        'optimizer: expected parameters to be at least one, got none',
      );
    }
    const twice = named.find(([name], i) => named.findIndex(([other]) => other === name) < i);
    if (twice) {
      throw new StylearError(
        'ERR_VALUE',
        `optimizer: expected names of parameters to differ, got ${twice[0]} twice`,
      );
    }
    if (settings.optimizer === 'muon') requireMatrices(named, matrices);
    const { device } = first[1];
    const moments = progress?.moments ?? Weights.fresh(device, { dtype: 'f32' });
    const momentOf = (kind: 'm' | 'v', name: string, { shape }: Tensor) =>
      moments.at(kind).tensor(name, shape);
    this.parameters = named.map(([name, parameter]) => {
      const byMuon = settings.optimizer === 'muon' && matrices.has(name);
      const weight = weightOf(name, parameter, moments, progress === undefined);
      const m = momentOf('m', name, parameter);
      return { ...weight, state: byMuon ? { m } : { m, v: momentOf('v', name, parameter) } };
    });
    this.weights = named.map(([name], i) => [name, this.parameters[i]!.weight]);
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
        `optimizer: expected gradients to be ${this.parameters.length}, one for each parameter, got ` +
          `${gradients.length}`,
      );
    }
    const { maxNorm, momentum, decay, ...adam } = this.settings;
    return scope(() => {
      const squares = sumSquares(gradients);
      const factor = maxNorm === undefined ? undefined : clipFactor(squares, { maxNorm });
      advance(this.steps, this.one);
      const { rate, steps: step } = this;
      for (const [i, { weight, rounded, state }] of this.parameters.entries()) {
        const common = { rate, factor, rounded, decay };
        if ('v' in state) adamw(weight, gradients[i]!, state, { ...adam, ...common, step });
        else muon(weight, gradients[i]!, state.m, { ...common, momentum });
      }
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

function requireMatrices(
  parameters: readonly (readonly [string, Tensor])[],
  matrices: ReadonlySet<string>,
): void {
  const moved = parameters.filter(([name]) => matrices.has(name));
  if (moved.length === 0) {
    throw new StylearError(
      'ERR_VALUE',
      'optimizer: expected adamw, as the trainer names no matrix that muon could move, got muon',
    );
  }
  const other = moved.find(([, { shape }]) => shape.length !== 2);
  if (!other) return;
  throw new StylearError(
    'ERR_VALUE',
    `optimizer: expected ${other[0]}, which muon is to move, to be [out, in], got [${other[1].shape}]`,
  );
}

/** @param begin  whether a master is to be what its parameter is */
function weightOf(
  name: string,
  parameter: Tensor,
  moments: Weights,
  begin: boolean,
): Pick<Parameter, 'weight' | 'rounded'> {
  if (parameter.dtype === 'f32') return { weight: parameter, rounded: undefined };
  const master = moments.at('master').tensor(name, parameter.shape);
  if (begin) scope(() => copyIn(master, cast(parameter, 'f32'), 0));
  return { weight: master, rounded: parameter };
}

import type { Device } from '../tensor/device.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Draws } from './draws.ts';

/** Tensors by names that differ. */
export type NamedTensors = readonly (readonly [string, Tensor])[];

/** Examples that are read one at a time, such as those of shards. */
export interface Examples<Example> {
  /** How many, at least 1. */
  readonly length: number;
  /** @param index  in [0, length) */
  at(index: number): Example | Promise<Example>;
}

/** Examples as a trainer's network takes them. */
export interface PreparedBatch<Batch> {
  /** Tensors in plain objects and arrays. */
  readonly batch: Batch;
  /** What its loss is the mean of: examples, or tokens that are predicted. Positive. */
  readonly weight: number;
}

/** What a trainer makes of a batch. */
export interface StepLoss {
  /** `[1]`, f32: what is made smaller. */
  readonly loss: Tensor;
  /** `[1]` each: what else is worth writing down. */
  readonly metrics?: Readonly<Record<string, Tensor>> | undefined;
}

/** What is trained, and by which loss: a network with the rest left to `Training`. */
export interface Trainer<Example, Batch> {
  readonly device: Device;
  /** What moves, f32 or bf16; everything else is frozen. At least one. */
  readonly parameters: NamedTensors;
  /**
   * Names of the parameters, `[out, in]`, that take features of a layer to others, for Muon; those of
   * embeddings, heads, norms and adapters are no such. None unless told.
   */
  readonly matrices?: ReadonlySet<string> | undefined;
  /** What else a training that goes on needs, such as when each code was used last. */
  readonly state?: NamedTensors | undefined;
  /**
   * Uploads examples and computes what needs no gradient.
   *
   * @param draws  with the first of `examples` as index 0
   */
  prepare(examples: readonly Example[], draws: Draws): PreparedBatch<Batch>;
  /** Called while a gradient is taken of its loss. */
  loss(batch: Batch): StepLoss;
  /** The loss where nothing is trained; `loss` unless told, which it differs from in what it notes. */
  heldOutLoss?(batch: Batch): StepLoss;
  /**
   * Called after each step of the optimizer.
   *
   * @returns what else is worth writing down
   */
  afterStep?(draws: Draws): Promise<Readonly<Record<string, number>>>;
}

import { valueAndGradients } from '../autograd/gradients.ts';
import { StylearError } from '../error.ts';
import { addInto, scale } from '../ops/add.ts';
import { cast } from '../ops/cast.ts';
import { keep } from '../tensor/lifetime.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Draws } from './draws.ts';
import { MovingAverage } from './moving_average.ts';
import { Optimizer, type OptimizerSettings } from './optimizer.ts';
import { BatchOrder, type EpochOrder, shuffled } from './order.ts';
import { type LearningRateSchedule, learningRate } from './schedule.ts';
import type { Examples, NamedTensors, PreparedBatch, StepLoss, Trainer } from './trainer.ts';

/** How a training goes: its batches, its rates, and what is measured on the way. */
export interface TrainingOptions extends OptimizerSettings {
  /** The learning rate, and with it how long the training is. */
  readonly schedule: LearningRateSchedule;
  /** Examples whose gradient is taken at once, at least 1. */
  readonly batchSize: number;
  /** Batches of which a step takes the gradient together, at least 1; 1 unless told. */
  readonly accumulation?: number | undefined;
  /** Of everything that is drawn, in [0, 2^53); 0 unless told. */
  readonly seed?: number | undefined;
  /** Which examples an epoch has; each once unless told. */
  readonly order?: EpochOrder | undefined;
  /** See `BatchOrder`; a batch here is that of a whole step. */
  readonly lengths?: ArrayLike<number> | undefined;
  /** See `BatchOrderOptions`. */
  readonly chunkBatches?: number | undefined;
  /** Decay of a moving average of the weights, in [0, 1), see `MovingAverage`; none unless told. */
  readonly averageDecay?: number | undefined;
  /** Measures after every so many steps, and after the last one. */
  readonly evaluation?: TrainingEvaluation | undefined;
}

/** What is measured now and then, with the averaged weights where there are such. */
export interface TrainingEvaluation {
  /** In steps, at least 1. */
  readonly every: number;
  /** @returns figures by name */
  run(): Promise<Readonly<Record<string, number>>>;
}

/** What came of a step. */
export interface TrainingStep {
  /** Steps that were made, this one included. */
  readonly step: number;
  /** Epochs that were gone through, with a fraction. */
  readonly epoch: number;
  /** Before the step, the mean over its batches. */
  readonly loss: number;
  /** The global norm of the gradients, before clipping. */
  readonly gradientNorm: number;
  readonly rate: number;
  /** What the trainer and the evaluation measured, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** What the step took, evaluation included. */
  readonly seconds: number;
}

/**
 * A training that can be stopped after any step: a trainer, its optimizer and where they stand. All
 * that is random is drawn anew from the seed and the step, so that `state`, the count of steps and the
 * list of losses are all there is to save.
 */
export class Training<Example, Batch> {
  /** Steps of the whole training. */
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** The loss of every step that was made. */
  readonly losses: number[] = [];
  /** @internal */
  readonly optimizer: Optimizer;
  /** @internal */
  readonly average: MovingAverage | undefined;
  private readonly trainer: Trainer<Example, Batch>;
  private readonly examples: Examples<Example>;
  private readonly options: TrainingOptions;
  private readonly seed: number;
  private readonly order: BatchOrder;

  /** Throws `ERR_INPUT` when there are fewer examples than a step takes, or no step to be made. */
  constructor(
    trainer: Trainer<Example, Batch>,
    examples: Examples<Example>,
    options: TrainingOptions,
  ) {
    const { batchSize, accumulation = 1, seed = 0, schedule, averageDecay } = options;
    const { order = shuffled(examples.length, seed), lengths, ...others } = options;
    this.trainer = trainer;
    this.examples = examples;
    this.options = options;
    this.seed = seed;
    this.order = new BatchOrder(order, {
      ...others,
      batchSize: batchSize * accumulation,
      seed,
      lengths,
    });
    this.stepsPerEpoch = this.order.stepsPerEpoch;
    this.totalSteps = Math.round(schedule.epochs * this.stepsPerEpoch);
    requireSteps(this.totalSteps, schedule.epochs, this.stepsPerEpoch);
    this.optimizer = new Optimizer(trainer.parameters, options, trainer.matrices);
    this.average =
      averageDecay === undefined
        ? undefined
        : new MovingAverage(this.optimizer.weights, averageDecay);
  }

  /** Steps that were made. */
  get step(): number {
    return this.losses.length;
  }

  /** Everything on the device that a step changes, by names that differ. */
  get state(): NamedTensors {
    const below = (path: string, tensors: NamedTensors) =>
      tensors.map(([name, tensor]) => [`${path}.${name}`, tensor] as const);
    return [
      ...below('parameters', this.trainer.parameters),
      ...below('optimizer', this.optimizer.moments.entries()),
      ['optimizer.steps', this.optimizer.steps],
      ...below('average', this.average?.averages ?? []),
      ...below('trainer', this.trainer.state ?? []),
    ];
  }

  /**
   * Makes the steps that are left, one for each turn. Between two turns the training may be saved, or
   * left for good. An abort ends it before the next step; what was begun of one is forgotten.
   *
   * Throws `ERR_VALUE` when a loss or a gradient is not finite: what was saved before is unharmed.
   */
  async *steps(signal?: AbortSignal): AsyncGenerator<TrainingStep, void, undefined> {
    let next = this.load(this.step);
    while (this.step < this.totalSteps) {
      const examples = await next;
      if (signal?.aborted) return;
      // Read while this step is computed.
      if (this.step + 1 < this.totalSteps) next = this.load(this.step + 1);
      yield await this.make(examples);
      if (signal?.aborted) return;
    }
  }

  /** Runs `body` with the averaged weights in place, where there are such. */
  averaged<T>(body: () => Promise<T>): Promise<T> {
    return this.average ? this.average.during(this.trainer.parameters, body) : body();
  }

  /** Frees the optimizer and the average; the trainer's tensors stay. */
  dispose(): void {
    this.optimizer.dispose();
    this.average?.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private load(step: number): Promise<Example[]> {
    const indices = Array.from(step < this.totalSteps ? this.order.batch(step) : []);
    const loaded = Promise.all(indices.map(async (index) => this.examples.at(index)));
    // Whoever awaits it is told; a training that is left does not await the last one.
    loaded.catch(() => {});
    return loaded;
  }

  private async make(examples: readonly Example[]): Promise<TrainingStep> {
    const began = performance.now();
    const step = this.step;
    const draws = new Draws(this.seed, step);
    const rate = learningRate(step / this.stepsPerEpoch, this.options.schedule);
    this.optimizer.setRate(rate);
    const { squares, figures } = scope(() => this.move(examples, draws));
    const values = await this.readAll({ ...figures, squares });
    const { loss, squares: squared, ...measured } = values as Record<'loss' | 'squares', number>;
    const gradientNorm = Math.sqrt(squared);
    requireFinite(step, 'the loss', loss);
    requireFinite(step, 'the norm of the gradients', gradientNorm);
    this.average?.update(step + 1);
    const after = (await this.trainer.afterStep?.(draws)) ?? {};
    this.losses.push(loss);
    return {
      step: this.step,
      epoch: this.step / this.stepsPerEpoch,
      loss,
      gradientNorm,
      rate,
      metrics: { ...measured, ...after, ...(await this.evaluate()) },
      seconds: (performance.now() - began) / 1000,
    };
  }

  /** One step of the optimizer. Both results are read later. */
  private move(
    examples: readonly Example[],
    draws: Draws,
  ): { squares: Tensor; figures: Record<string, Tensor> } {
    const { batchSize } = this.options;
    const parts: PreparedBatch<Batch>[] = [];
    for (let at = 0; at < examples.length; at += batchSize)
      parts.push(this.trainer.prepare(examples.slice(at, at + batchSize), draws.from(at)));
    const total = parts.reduce((sum, { weight }) => sum + weight, 0);
    const weighted = parts.map(({ batch, weight }) => ({ batch, share: weight / total }));
    const sums = new WeightedSums();
    let gradients: Tensor[] = [];
    for (const { batch, share } of weighted) {
      const taken = this.differentiate(batch);
      sums.add(taken.figures, share);
      if (parts.length === 1) gradients = taken.gradients;
      else gradients = accumulate(gradients, taken.gradients, share);
    }
    return { squares: this.optimizer.step(gradients), figures: sums.all };
  }

  private differentiate(batch: Batch): { gradients: Tensor[]; figures: Record<string, Tensor> } {
    let metrics: StepLoss['metrics'] = {};
    const { value, gradients } = valueAndGradients(
      () => {
        const taken = this.trainer.loss(batch);
        metrics = taken.metrics ?? {};
        for (const metric of Object.values(metrics)) keep(metric);
        return taken.loss;
      },
      this.trainer.parameters.map(([, parameter]) => parameter),
    );
    return { gradients, figures: { ...metrics, loss: value } };
  }

  private async readAll(
    tensors: Readonly<Record<string, Tensor>>,
  ): Promise<Record<string, number>> {
    const names = Object.keys(tensors);
    const values = await Promise.all(names.map((name) => tensors[name]!.read()));
    for (const tensor of Object.values(tensors)) tensor.dispose();
    return Object.fromEntries(names.map((name, i) => [name, values[i]![0]!]));
  }

  private async evaluate(): Promise<Readonly<Record<string, number>>> {
    const { evaluation } = this.options;
    const due = evaluation && (this.step % evaluation.every === 0 || this.step === this.totalSteps);
    return due ? this.averaged(() => evaluation.run()) : {};
  }
}

/** Adds `share` times the gradients to sums in f32, whatever dtype they have. */
function accumulate(
  sums: readonly Tensor[],
  gradients: readonly Tensor[],
  share: number,
): Tensor[] {
  return gradients.map((gradient, i) =>
    scope(() => {
      const sum = sums[i] ?? gradient.device.zeros(gradient.shape);
      addInto(sum, sum, cast(gradient, 'f32'), { beta: share });
      gradient.dispose();
      return sum;
    }),
  );
}

/** Figures of several batches as one. */
class WeightedSums {
  readonly all: Record<string, Tensor> = {};

  /** Takes the figures over. */
  add(figures: Readonly<Record<string, Tensor>>, share: number): void {
    for (const [name, figure] of Object.entries(figures)) {
      const before = this.all[name];
      if (share === 1) {
        this.all[name] = figure;
        continue;
      }
      this.all[name] = scale(cast(figure, 'f32'), share);
      if (before) addInto(this.all[name], this.all[name], before);
      figure.dispose();
    }
  }
}

function requireSteps(totalSteps: number, epochs: number, stepsPerEpoch: number): void {
  if (totalSteps >= 1) return;
  throw new StylearError(
    'ERR_INPUT',
    `training: expected epochs to come to a step at least, got ${epochs} where an epoch has ` +
      `${stepsPerEpoch}`,
  );
}

function requireFinite(step: number, what: string, value: number): void {
  if (Number.isFinite(value)) return;
  throw new StylearError(
    'ERR_VALUE',
    `training: expected ${what} of step ${step} to be finite, got ${value}. Go on from what was ` +
      'saved before with a lower learning rate.',
  );
}

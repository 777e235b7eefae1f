import { join } from 'node:path';
import { z } from 'zod';
import { valueAndGradients } from '../autograd/gradients.ts';
import { readResamplerConfig } from '../models/config/resampler.ts';
import { applyLora, LoraAdapter } from '../models/lora.ts';
import { type OpenedChameleon, openChameleon } from '../models/open_chameleon.ts';
import { Resampler } from '../models/resampler.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { batchStates } from '../train/batch_states.ts';
import { nextTokenLoss } from '../train/next_token_loss.ts';
import { Optimizer } from '../train/optimizer.ts';
import { learningRate } from '../train/schedule.ts';
import { type TokenBatch, tokenBatch } from '../train/token_batch.ts';
import { Weights } from '../weights/weights.ts';
import { type Check, type Context, compareValues, multipleOf, type Verifier } from './check.ts';
import type { Fixture } from './fixture.ts';

const logSchema = z.object({
  ce: z.number(),
  z: z.number(),
  loss: z.number(),
  grad_norm: z.number(),
  lr: z.number(),
});
type Logged = z.infer<typeof logSchema>;

const runSchema = z.object({
  lr: z.number(),
  min_lr: z.number(),
  wd: z.number(),
  clip: z.number(),
  warmup_epochs: z.number(),
  epochs: z.number(),
  /** Of an epoch. */
  iters: z.number().int(),
  first_iter: z.number().int(),
  betas: z.tuple([z.number(), z.number()]),
  eps: z.number(),
  log: z.array(logSchema),
  log_float64: z.array(logSchema),
});
type Run = z.infer<typeof runSchema>;

/** What the recipe adds to the loss for the squared log of the normaliser. */
const zLoss = 1e-5;

/**
 * Steps of the optimizer over resampler and adapter, which are in f32, through the frozen transformer
 * in either dtype.
 */
export const verifyTrain: Verifier = async function* (fixture, context) {
  const runs = z.record(z.string(), runSchema).parse(fixture.json('runs.json'));
  for (const [name, run] of Object.entries(runs))
    for await (const check of verifyRun(fixture, context, name, run))
      yield { ...check, name: `${name} ${check.name}` };
};

async function* verifyRun(
  fixture: Fixture,
  context: Context,
  name: string,
  run: Run,
): AsyncGenerator<Check> {
  using training = new JointTraining(fixture, context);
  const multiple = multipleOf(context.dtype);
  // This run begins as a training does: with an adapter that changes nothing yet.
  if (name === 'fresh') training.resetAdapter();
  const { parameters } = training;
  const before = await valuesOf(parameters);
  const [beta1, beta2] = run.betas;
  const settings = { beta1, beta2, eps: run.eps, decay: run.wd, maxNorm: run.clip };
  using optimizer = new Optimizer(parameters, settings);
  const compared = (kind: string, got: Named) =>
    compareAll(fixture, `run_${name}.safetensors`, kind, got, multiple);

  const logged: Logged[] = [];
  for (const [i, batch] of training.batches.entries()) {
    const lr = rateOf(run, i);
    optimizer.setRate(lr);
    const ce = await take(scope(() => training.loss(batch, 0)));
    const withZ = await take(scope(() => training.loss(batch, 1)));
    const { value, gradients, squares } = scope(() => {
      const taken = training.lossAndGradients(batch);
      return { ...taken, squares: optimizer.step(taken.gradients) };
    });
    const grad_norm = Math.sqrt(await take(squares));
    logged.push({ ce, z: withZ - ce, loss: await take(value), grad_norm, lr });
    const named = parameters.map(([name], p) => [name, gradients[p]!] as const);
    const factor = Math.min(1, run.clip / (grad_norm + 1e-6));
    if (i === 0)
      yield* compared(
        'grad1',
        mapped(await valuesOf(named), (value) => value * factor),
      );
    for (const gradient of gradients) gradient.dispose();
  }
  yield* compareLogs(logged, run, multiple);

  const after = await valuesOf(parameters);
  // In bf16 the signs of small gradients differ, and Adam makes whole steps of them.
  if (context.dtype === 'f32')
    yield* compared(
      'delta3',
      mapped(after, (value, name, j) => value - before.get(name)![j]!),
    );
  yield* compared('after3', after);
  const moments = (kind: string) =>
    valuesOf(
      parameters.map(([name, { shape }]) => [name, optimizer.moments.at(kind).tensor(name, shape)]),
    );
  yield* compared('exp_avg', await moments('m'));
  yield* compared('exp_avg_sq', await moments('v'));
}

/** Values of tensors by the names of the fixture. */
type Named = ReadonlyMap<string, Float32Array>;

/** Compares those that the file has of a kind. */
function* compareAll(
  fixture: Fixture,
  file: string,
  kind: string,
  got: Named,
  multiple: number,
): Generator<Check> {
  for (const [name, values] of got) {
    const full = `${kind}.${name}`;
    const want = fixture.tensors(file).get(full);
    if (want) yield compareValues(fixture, file, full, { shape: want.shape, values }, multiple);
  }
}

/**
 * Compares what each step logged, within the tolerance that fixtures give tensors: 20 times what
 * float32 was seen to do, and never less than 2e-6 of the largest value. Rates are in float64.
 */
function* compareLogs(
  got: readonly Logged[],
  { log, log_float64 }: Run,
  multiple: number,
): Generator<Check> {
  for (const key of Object.keys(logSchema.shape) as (keyof Logged)[]) {
    const most = (of: (step: Logged, i: number) => number) => Math.max(...log_float64.map(of));
    const largest = most((exact) => Math.abs(exact[key]));
    const seen = most((exact, i) => Math.abs(exact[key] - log[i]![key]));
    const error = most((exact, i) => Math.abs(exact[key] - got[i]![key]));
    const bound = key === 'lr' ? 1e-12 * largest : multiple * Math.max(20 * seen, 2e-6 * largest);
    yield { name: `log.${key}`, error, bound, passed: error <= bound };
  }
}

const rateOf = (run: Run, i: number): number =>
  learningRate((run.first_iter + i) / run.iters, {
    rate: run.lr,
    minRate: run.min_lr,
    warmupEpochs: run.warmup_epochs,
    epochs: run.epochs,
  });

const mapped = (named: Named, f: (value: number, name: string, j: number) => number): Named =>
  new Map([...named].map(([name, values]) => [name, values.map((value, j) => f(value, name, j))]));

const valuesOf = async (tensors: readonly (readonly [string, Tensor])[]): Promise<Named> =>
  new Map(
    await Promise.all(
      tensors.map(
        async ([name, tensor]) => [name, Float32Array.from(await tensor.read())] as const,
      ),
    ),
  );

/** The only element of a tensor, which is disposed. */
async function take(tensor: Tensor): Promise<number> {
  const [value] = await tensor.read();
  tensor.dispose();
  return value!;
}

const ids = z.array(z.array(z.number().int()));
const batchesSchema = z.array(z.object({ input_ids: ids, labels: ids, style_index: ids }));

interface Batch {
  readonly tokens: TokenBatch;
  /** `[images, tokens, width]` */
  readonly features: Tensor;
}

/** A resampler and an adapter, the frozen transformer that they are trained through, and batches. */
class JointTraining implements Disposable {
  /** What is trained. */
  readonly parameters: readonly (readonly [string, Tensor])[];
  readonly batches: readonly Batch[];
  private readonly dtype: Context['dtype'];
  private readonly model: OpenedChameleon;
  private readonly resampler: Resampler;
  private readonly lora: Weights;
  private readonly image: Weights;

  constructor(fixture: Fixture, { device, dtype }: Context) {
    const trained = { dtype: 'f32', writable: true } as const;
    this.model = openChameleon(join(fixture.beside('chameleon'), 'ckpt'), device, { dtype });
    this.dtype = dtype;
    this.lora = Weights.open(fixture.path('lora.safetensors'), device, trained);
    this.image = Weights.open(fixture.path('image_proj.pth'), device, trained);
    const config = readResamplerConfig(fixture.path('resampler_config.json'));
    this.resampler = new Resampler(this.image, config);
    applyLora(this.model.model, LoraAdapter.of(this.lora, this.model.model));
    const named = (prefix: string, w: Weights) =>
      w.entries().map(([name, tensor]) => [`${prefix}.${name}`, tensor] as const);
    this.parameters = [...named('resampler', this.image), ...named('lora', this.lora)];
    this.batches = batchesSchema.parse(fixture.json('batches.json')).map((batch, i) => {
      const { shape, values } = fixture.tensor('features.safetensors', `feat${i}`);
      const sequences = batch.input_ids.map((ids, s) => ({
        ids,
        labels: batch.labels[s]!,
        styleIndex: batch.style_index[s],
      }));
      return { tokens: tokenBatch(sequences), features: device.from(values, shape) };
    });
  }

  /** Makes an adapter of it that changes nothing. */
  resetAdapter(): void {
    for (const [name, tensor] of this.lora.entries())
      if (name.endsWith('.B')) tensor.write(new Float32Array(tensor.count));
  }

  loss({ tokens, features }: Batch, zLoss: number): Tensor {
    const { model } = this.model;
    const style = this.resampler.forward(features);
    const hidden = batchStates(model, tokens, { style, dtype: this.dtype });
    const labels = features.device.from(tokens.nextLabels);
    return nextTokenLoss(model.head, hidden, labels, tokens.labelCount, { zLoss });
  }

  lossAndGradients(batch: Batch): { value: Tensor; gradients: Tensor[] } {
    const wrt = this.parameters.map(([, tensor]) => tensor);
    return valueAndGradients(() => this.loss(batch, zLoss), wrt);
  }

  [Symbol.dispose](): void {
    this.model[Symbol.dispose]();
    this.lora.dispose();
    this.image.dispose();
    for (const { features } of this.batches) features.dispose();
  }
}

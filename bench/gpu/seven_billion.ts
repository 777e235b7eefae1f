/**
 * The released sizes on a GPU, with weights that are drawn there: a guided picture, many at once, and a step
 * of StyleAR's training, beside the limits.
 *
 *   node seven_billion.js [--device cuda] [--layers 32] [--size 768x768] [--batch 48] [--steps 200]
 *                         [--only picture|batch|training] [--no-write]
 *
 * The transformer is Lumina-mGPT-7B's in bf16, CLIP is ViT-H/14, the resampler StyleAR's. Without
 * `--steps` the many pictures are drawn to their end, else no more than so many steps are made. Random weights say nothing of speculation: one token a step.
 * Writes bench/results/seven-billion-<device>-<date>.json.
 */

import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { TokenEngine, type TokenRequest } from '../../lib/generate/token_engine.ts';
import { type Device, openDevice, scope, valueAndGradients, Weights } from '../../lib/index.ts';
import { Chameleon, type ChameleonShape } from '../../lib/models/chameleon.ts';
import { ClipVision } from '../../lib/models/clip_vision.ts';
import type { ClipVisionConfig } from '../../lib/models/config/clip.ts';
import { releasedResampler } from '../../lib/models/config/resampler.ts';
import { LoraAdapter } from '../../lib/models/lora.ts';
import { Resampler } from '../../lib/models/resampler.ts';
import { StyleEncoder } from '../../lib/models/style_encoder.ts';
import { type Grid, gridOfPixels, imageTokenCount } from '../../lib/text/image_tokens.ts';
import { type Vocabulary, vocabularyOf } from '../../lib/text/vocabulary.ts';
import { Draws } from '../../lib/train/draws.ts';
import { Optimizer } from '../../lib/train/optimizer.ts';
import { StyleTrainer } from '../../lib/train/style_trainer.ts';
import { Figures } from '../figure.ts';
import { limits, repositoryRoot } from '../limits.ts';
import { median } from '../measure.ts';
import { programOptions } from '../options.ts';
import { circumstances, writeReport } from '../report.ts';
import { transformerWork } from '../stages/transformer_work.ts';

const sevenBillion: ChameleonShape = {
  ...{ vocabulary: 65536, layers: 32, dim: 4096, heads: 32, kvHeads: 32, headDim: 128 },
  ...{ inner: 11008, normEps: 1e-5, ropeTheta: 10000, swinNorm: false },
};

const vitH: ClipVisionConfig = {
  ...{ width: 1280, layers: 32, heads: 16, inner: 5120, activation: 'gelu', normEps: 1e-5 },
  ...{ projection: 1024, patch: 14, imageSize: 224 },
};

/** Ids that are no code stand beside them as in the released vocabulary. */
const vocabulary: Vocabulary = vocabularyOf(
  new Map(
    Array.from({ length: 128 }, (_, i) => [
      `<reserved${`${8801 + i}`.padStart(5, '0')}>`,
      8805 + i,
    ]),
  ),
  {
    ...{ begin: 0, imageStart: 8197, imageEnd: 8196, newLine: 8803, stop: 8710 },
    ...{ codes: { count: 8192, first: 4 }, gridBase: 8800, gridMax: 128 },
    ...{ codesPerUnit: 2, unitPixels: 32 },
  },
  sevenBillion.vocabulary,
);

const promptTokens = 96;
const styleTokens = 16;
const kept = 2000;

const figures = new Figures();

const promptOf = (seed: number): number[] =>
  Array.from({ length: promptTokens }, (_, i) => 9000 + ((seed * 131 + i * 7919) % 50_000));

const requestOf = (grid: Grid, seed: number): TokenRequest => ({
  ...{ guidance: 4, imageTopK: kept, textTopK: 10, temperature: 1, topP: 1, minP: 0 },
  prompt: promptOf(seed),
  grammar: { sizes: [grid] },
  seed: [seed, 0],
  maxTokens: imageTokenCount(vocabulary, grid) + 2,
  window: 1,
});

/** Bytes of keys and values of one token. */
const cacheBytes = ({ layers, kvHeads, headDim }: ChameleonShape): number =>
  2 * layers * kvHeads * headDim * 2;

const weightBytes = ({ layers, dim, heads, kvHeads, headDim, inner, vocabulary }: ChameleonShape) =>
  2 * (layers * (2 * dim * (heads + kvHeads) * headDim + 3 * dim * inner) + vocabulary * dim);

/** The device, and rates that bound it: bytes and operations a second. */
interface Machine {
  readonly device: Device;
  readonly read: number;
  readonly arithmetic: number;
}

/** Steps `engine` until all of them are finished, or so many times. @returns how often */
async function drawAll(engine: TokenEngine, requests: readonly TokenRequest[], most: number) {
  const answers = requests.map((request) => engine.admit(request)!);
  const began = performance.now();
  let steps = 0;
  let keys = 0;
  for (; steps < most && answers.some((answer) => !answer.finished); steps++) {
    keys += answers.length * (promptTokens + 2 * steps);
    await engine.advance();
  }
  const seconds = (performance.now() - began) / 1e3;
  for (const answer of answers) engine.release(answer);
  return { seconds, steps, keys };
}

async function pictures(
  { device, read }: Machine,
  model: Chameleon,
  grid: Grid,
  count: number,
  most: number,
): Promise<void> {
  const tokens = imageTokenCount(vocabulary, grid);
  const longest = promptTokens + tokens + 32;
  const engine = new TokenEngine(model, vocabulary, {
    ...{ dtype: 'bf16', cacheTokens: 2 * count * longest, maxTokens: longest },
  });
  const requests = Array.from({ length: count }, (_, seed) => requestOf(grid, seed));
  await drawAll(engine, requests, 8); // steps are recorded
  const { seconds, steps, keys } = await drawAll(engine, requests, most);
  const bytes = steps * weightBytes(model.shape) + keys * cacheBytes(model.shape);
  const words = `${count} guided ${count === 1 ? 'picture' : 'pictures'}`;
  figures.add(`${words}: steps`, steps, '');
  figures.add(`${words}: a step`, (seconds / steps) * 1e3, 'ms');
  figures.add(`${words}: of the bandwidth`, bytes / seconds / read, '');
  if (steps < most) {
    figures.add(`${words}: all of it`, seconds, 's');
    figures.add(`${words}: a second`, count / seconds, '');
  }
  figures.add(`${words}: memory of the device`, device.memory().reservedBytes / 2 ** 30, 'GiB');
  engine.dispose();
}

async function training({ device, arithmetic }: Machine, frozen: Weights, shape: ChameleonShape) {
  const model = new Chameleon(frozen, shape);
  const [clip, resampler, lora] = [1, 2, 3].map((seed) =>
    Weights.fresh(device, { seed, dtype: 'f32' }),
  ) as [Weights, Weights, Weights];
  const encoder = new StyleEncoder(
    new ClipVision(clip.at('vision_model'), vitH),
    new Resampler(resampler, releasedResampler),
  );
  const adapter = LoraAdapter.of(lora, model);
  const parameters = [...resampler.entries(), ...lora.entries()];
  const trainer = new StyleTrainer(model, encoder, adapter, parameters, { dtype: 'bf16' });
  const optimizer = new Optimizer(parameters, { maxNorm: 1 });
  const tokens = 2500;
  const answer = 2356;
  const ids = Array.from({ length: tokens }, (_, i) => 4 + ((i * 7919) % 8192));
  const whole = {
    ids,
    labels: ids.map((id, i) => (i < tokens - answer ? -1 : id)),
    styleIndex: Array.from({ length: styleTokens }, (_, i) => 20 + i),
  };
  const pixels = new Float32Array(3 * vitH.imageSize ** 2).map((_, i) => Math.sin(i * 0.37));
  const example = { whole, withoutCaption: whole, imageOnly: whole, reference: { pixels } };
  const times: number[] = [];
  for (let step = 0; step < 6; step++) {
    const began = performance.now();
    scope(() => {
      const { batch } = trainer.prepare([example], new Draws(1, step));
      const wrt = parameters.map(([, tensor]) => tensor);
      const { gradients } = valueAndGradients(() => trainer.loss(batch).loss, wrt);
      optimizer.step(gradients);
    });
    await device.idle();
    if (step > 1) times.push((performance.now() - began) / 1e3);
  }
  const { products, attention, side } = transformerWork(shape, { sequences: 1, tokens }, 4);
  // Frozen products have the gradient of inputs alone. CLIP and the resampler are not counted.
  const work = 2 * products + 3 * (attention + side);
  const seconds = median(times);
  figures.add(`a training step of ${tokens} tokens`, seconds, 's');
  figures.add(`a training step of ${tokens} tokens: tokens`, tokens / seconds, 'a second');
  figures.add('a training step: of the arithmetic', work / seconds / arithmetic, '');
  figures.add(
    'a training step: memory of the device',
    device.memory().reservedBytes / 2 ** 30,
    'GiB',
  );
  optimizer.dispose();
  for (const weights of [clip, resampler, lora]) weights.dispose();
}

async function main(): Promise<void> {
  const { values } = programOptions(import.meta.filename, {
    options: {
      device: { type: 'string', default: 'cuda' },
      layers: { type: 'string', default: '32' },
      size: { type: 'string', default: '768x768' },
      batch: { type: 'string', default: '48' },
      steps: { type: 'string', default: 'Infinity' },
      only: { type: 'string', default: '' },
      'no-write': { type: 'boolean', default: false },
    },
  });
  const root = repositoryRoot();
  process.env.STYLEAR_NATIVE_DIR ??= path.join(root, 'build', 'Release'); // this file runs elsewhere
  const [width = 0, height = 0] = values.size.split('x').map(Number);
  const grid = gridOfPixels(vocabulary, { width, height });
  const shape = { ...sevenBillion, layers: Number(values.layers) };
  const batch = Number(values.batch);
  const rates = limits(values.device, os.availableParallelism(), root);
  await using device = await openDevice(values.device);
  const machine: Machine = {
    device,
    read: rates.measure('read') * 1e9,
    arithmetic: (rates.measure('bf16') || rates.measure('fma')) * 1e9,
  };
  figures.add('limit: reading', machine.read / 1e9, 'GB/s');
  figures.add('limit: products', machine.arithmetic / 1e12, 'TFLOP/s');
  const began = performance.now();
  const frozen = Weights.fresh(device, { seed: 0, dtype: 'bf16' });
  const model = new Chameleon(frozen, shape);
  await device.idle();
  figures.add('drawing the weights', (performance.now() - began) / 1e3, 's');
  const parts: Readonly<Record<string, () => Promise<void>>> = {
    picture: () => pictures(machine, model, grid, 1, Number.POSITIVE_INFINITY),
    batch: () => pictures(machine, model, grid, batch, Number(values.steps)),
    training: () => training(machine, frozen, shape),
  };
  const chosen = Object.entries(parts).filter(([name]) => name.includes(values.only));
  if (chosen.length === 0) {
    const names = Object.keys(parts).join(', ');
    throw new Error(`seven_billion: expected --only to be one of ${names}, got ${values.only}`);
  }
  for (const [, part] of chosen) await part();
  frozen.dispose();
  if (values['no-write']) return;
  const about = circumstances(root, device.name, device.threads);
  const sizes = { layers: shape.layers, size: values.size, batch };
  writeReport(root, `seven-billion-${device.name}-${about.date}`, {
    ...about,
    ...sizes,
    figures: figures.all,
  });
}

await main();

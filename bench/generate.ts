/**
 * `npm run bench:generate`: pictures an hour, many at a time and one after the other, and the same tokens
 * through the released procedure.
 *
 *   npm run bench:generate -- [--device cpu] [--model folder] [--threads n] [--size 256x256] [--pictures n]
 *                             [--batches 1,2,4,8,16] [--window auto] [--dtype f32] [--cache-gb 1]
 *                             [--transformer 1024x12] [--no-write]
 *
 * Without a model it is the small one of the golden fixtures: of that, figures say what surrounds the
 * arithmetic, and nothing of drafts, since its weights are random; as are those of a `--transformer` of
 * another width and depth, in bf16, that a model is given in place of its own. Each batch is measured between two
 * runs of single requests, of which the better one counts. Writes
 * bench/results/generate-<device>-<model>-<date>.json.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { prepare, tokenRequest } from '../lib/generate/prepare.ts';
import { type GenerateRequest, StyleAR, Weights } from '../lib/index.ts';
import { assembleSmallModel } from '../test/support/assemble_small_model.ts';
import { ReferenceProcedure } from './compare/reference_procedure.ts';
import { limits, repositoryRoot } from './limits.ts';
import { programOptions } from './options.ts';
import { circumstances, writeReport } from './report.ts';
import { widen } from './widened.ts';

const { values } = programOptions(import.meta.filename, {
  options: {
    model: { type: 'string' },
    device: { type: 'string', default: 'cpu' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    size: { type: 'string', default: '256x256' },
    pictures: { type: 'string', default: '16' },
    batches: { type: 'string', default: '1,2,4,8,16' },
    window: { type: 'string', default: 'auto' },
    dtype: { type: 'string' },
    'cache-gb': { type: 'string', default: '1' },
    transformer: { type: 'string' },
    'no-write': { type: 'boolean', default: false },
  },
});
const root = repositoryRoot();
process.env.STYLEAR_NATIVE_DIR ??= path.join(root, 'build', 'Release'); // this file runs elsewhere
const fixtures = process.env.STYLEAR_FIXTURES ?? path.join(root, '..', 'shared', 'fixtures');
const threads = Number(values.threads);
const window = values.window === 'auto' ? 'auto' : Number(values.window);
const [width, height] = values.size.split('x').map(Number) as [number, number];
const requests = Array.from(
  { length: Number(values.pictures) },
  (_, seed): GenerateRequest => ({ prompt: `ship ${seed}`, seed, size: { width, height } }),
);

const scratch = mkdtempSync(path.join(os.tmpdir(), 'stylear-bench-'));
let folder = values.model ?? path.join(scratch, 'model');
if (values.model === undefined) assembleSmallModel(folder, fixtures);
let name = values.model === undefined ? 'small' : path.basename(folder);
if (values.transformer !== undefined) {
  const [, dim = 0, layers = 0] = (/^(\d+)x(\d+)$/.exec(values.transformer) ?? []).map(Number);
  if (dim < 64 || dim % 64 !== 0 || layers < 1)
    throw new Error(
      `--transformer: expected a multiple of 64 and a depth, such as 1024x12, got ${values.transformer}`,
    );
  const widened = path.join(scratch, 'widened');
  await widen(folder, widened, { dim, layers });
  [folder, name] = [widened, `${name}-${values.transformer}`];
}
const cacheBytes = Number(values['cache-gb']) * 1e9;
const { transformer, adapter } = StyleAR.estimate(folder, { cacheBytes }).weights;
const dtype = values.dtype === 'f32' || values.dtype === 'bf16' ? values.dtype : undefined;
const stylear = await StyleAR.load(folder, { device: values.device, threads, cacheBytes, dtype });
const { preparation, engine, config } = stylear;
const machine = limits(stylear.device.name, threads, root);
/** GB/s, and G multiply-adds twice: as the weights are stored. */
const read = machine.measure('read');
const stored = preparation.model.chameleon.embedding.weight.dtype === 'bf16' ? 2 : 4;
const arithmetic = Math.max(machine.measure('fma'), stored === 2 ? machine.measure('bf16') : 0);

interface Run {
  readonly imagesPerHour: number;
  readonly tokensPerSecond: number;
  readonly stepsPerImage: number;
  /** Of the rate at which memory is read, when each step reads all weights. */
  readonly shareOfBandwidth: number;
  /** Of the rate of multiply-adds, drafts that came to nothing included. */
  readonly shareOfArithmetic: number;
}

let steps = 0;
const advance = engine.advance.bind(engine);
engine.advance = () => {
  steps++;
  return advance();
};

/** Draws every picture, so many at once; 0 is one call after the other. */
async function run(batch: number): Promise<Run> {
  const before = steps;
  const sum = { tokens: 0, rows: 0, steps: 0 };
  const began = performance.now();
  const calls = batch === 0 ? requests.map((request) => [request]) : [requests];
  for (const call of calls)
    for await (const event of stylear.generate(call, { batch: Math.max(1, batch), window })) {
      if (event.type !== 'image') continue;
      const { statistics, tokens } = event.image;
      sum.tokens += tokens.length;
      sum.steps += statistics.steps;
      sum.rows += 2 * (statistics.steps + statistics.drafted);
    }
  const seconds = (performance.now() - began) / 1e3;
  const bytes = transformer + adapter;
  return {
    imagesPerHour: (requests.length / seconds) * 3600,
    tokensPerSecond: sum.tokens / seconds,
    stepsPerImage: sum.steps / requests.length,
    shareOfBandwidth: (bytes * (steps - before)) / seconds / 1e9 / read,
    shareOfArithmetic: (2 * (bytes / stored) * sum.rows) / seconds / 1e9 / arithmetic,
  };
}

const figures: (Run & { readonly batch: number; readonly timesSequential: number })[] = [];
const round = (value: number) => Number(value.toPrecision(3));
const table = (cells: readonly (string | number)[]) =>
  console.log(`| ${cells.map((cell) => `${cell}`.padStart(11)).join(' | ')} |`);
table(['batch', 'images/hour', 'x one', 'tokens/s', 'steps', 'of read', 'of math']);
for (const batch of values.batches.split(',').map(Number)) {
  await run(batch); // costs are measured, steps recorded
  const sequential = [await run(0)];
  const own = await run(batch);
  sequential.push(await run(0));
  const one = Math.max(...sequential.map(({ imagesPerHour }) => imagesPerHour));
  const figure = { batch, ...own, timesSequential: own.imagesPerHour / one };
  figures.push(figure);
  table([
    batch,
    ...[figure.imagesPerHour, figure.timesSequential, figure.tokensPerSecond].map(round),
    ...[figure.stepsPerImage, figure.shareOfBandwidth, figure.shareOfArithmetic].map(round),
  ]);
}

/** Seconds for the tokens of a picture of our own loop and of the released procedure, and how many tokens differ. */
async function beside() {
  using w = Weights.open(config.files.transformer, stylear.device);
  const reference = new ReferenceProcedure(stylear, w);
  const ours: number[] = [];
  const theirs: number[] = [];
  let differ = 0;
  for (const request of requests.slice(0, 3)) {
    const seed = request.seed!;
    const prepared = await prepare(preparation, request);
    const asked = tokenRequest(preparation, prepared, await prepared.promptOf(seed), seed, window);
    const began = performance.now();
    const answer = engine.admit(asked)!;
    while (!answer.finished) await engine.advance();
    ours.push((performance.now() - began) / 1e3);
    engine.release(answer);
    theirs.push((await reference.follow(asked, answer.tokens)).seconds);
    const { drawn } = await reference.follow(asked, answer.tokens, { legal: true });
    differ += answer.tokens.filter((token, i) => token !== drawn[i]).length;
    asked.style?.rows.dispose();
  }
  const [a, b] = [Math.min(...ours), Math.min(...theirs)];
  console.log(
    `tokens of a picture: released procedure ${round(b)} s, ours ${round(a)} s, ` +
      `${round(b / a)} times as fast; ${differ} differ`,
  );
  return { ourSeconds: a, referenceSeconds: b, timesAsFast: b / a, tokensThatDiffer: differ };
}
const reference = await beside();
const { name: device } = stylear.device;
await stylear.close();
rmSync(scratch, { recursive: true });

if (!values['no-write']) {
  const report = {
    ...circumstances(root, device, threads),
    ...{ model: name, size: values.size },
    ...{ pictures: requests.length, window, readGBs: read, arithmeticGFs: arithmetic },
    ...{ figures, reference },
  };
  writeReport(root, `generate-${device}-${name}-${report.date}`, report);
}

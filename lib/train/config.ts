// What `stylear train` is told: which network, by which data, how. Keys that are not known are errors,
// and what is not said has a default that stands here.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import * as z from 'zod';
import { StylearError } from '../error.ts';

function whole(least: number, most: number) {
  const error = `a whole number in [${least}, ${most}]`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

function real(least: number, most: number) {
  const error = `a number in [${least}, ${most}]`;
  return z.number({ error }).min(least, { error }).max(most, { error });
}

const path = () => z.string({ error: 'a path' }).min(1, { error: 'a path' });
const flag = (value: boolean) => z.boolean({ error: 'true or false' }).default(value);

const data = z.strictObject(
  {
    sources: z
      .array(
        z.strictObject({
          /** Indices of shards, or tar archives. */
          shards: z.array(path(), { error: 'a list of paths' }).min(1, { error: 'at least one' }),
          share: whole(1, 1000).default(1),
        }),
        { error: 'a list' },
      )
      .min(1, { error: 'at least one' }),
  },
  { error: 'an object' },
);

const training = z.strictObject(
  {
    epochs: real(0, 1e6),
    batchSize: whole(1, 65_536),
    accumulation: whole(1, 65_536).default(1),
    rate: real(0, 1),
    /** What the rate falls to along a cosine; that of `rate` for a steady one. */
    minRate: real(0, 1).optional(),
    warmupEpochs: real(0, 1e6).default(0),
    beta1: real(0, 0.999_999).default(0.9),
    beta2: real(0, 0.999_999).default(0.95),
    decay: real(0, 1).default(0.01),
    maxNorm: real(1e-9, 1e9).default(1),
    averageDecay: real(0, 0.999_999).optional(),
    seed: whole(0, 2 ** 52).default(0),
    /** Steps between checkpoints. */
    saveEvery: whole(1, 1e9).default(500),
    /** Batches of examples of about one length, from chunks of so many; see `BatchOrder`. */
    chunkBatches: whole(1, 1e6).optional(),
  },
  { error: 'an object' },
);

/** What is measured of samples that are held out; nothing unless told. */
const evaluation = z
  .strictObject(
    {
      /** Steps from one time to the next; it is measured after the last one in any case. */
      every: whole(1, 1e9),
      /** Indices of shards, or tar archives. */
      shards: z.array(path(), { error: 'a list of paths' }).min(1, { error: 'at least one' }),
      /** The first so many samples are measured. */
      samples: whole(1, 1e6).default(256),
      /** The first so many are shown on a sheet; 0 for none. */
      shown: whole(0, 64).default(8),
      /** What decodes drawn pictures: a folder, or the file of the weights; none are drawn without it. */
      vqgan: path().optional(),
      /** Where `vqgan` names a file: its `vqgan.yaml`. */
      vqganConfig: path().optional(),
    },
    { error: 'an object' },
  )
  .optional();

const dtype = z.enum(['f32', 'bf16'], { error: '"f32" or "bf16"' }).default('f32');
const common = { output: path(), data, training, evaluation };
/** Weights to go on from; those in the folder of the network, or fresh ones, unless told. */
const start = path().optional();
const sequences = {
  /** A folder with `config.json`. */
  transformer: path(),
  /** Such as `tokenizer.json`. */
  tokenizer: path(),
  /** Where pictures are not those of Chameleon: 8,192 codes, 16 pixels each. */
  layout: z
    .strictObject({
      codes: whole(1, 2 ** 20).default(8192),
      gridMax: whole(1, 4096).default(128),
      codesPerUnit: whole(1, 64).default(2),
      unitPixels: whole(1, 1024).default(32),
    })
    .prefault({}),
  dtype,
  zLoss: real(0, 1).default(1e-5),
  chunkRows: whole(1, 1e9).default(4096),
  checkpointed: flag(false),
  maxTokens: whole(2, 1e6).default(4096),
};
const dropout = z
  .strictObject({
    style: real(0, 1).default(0.05),
    caption: real(0, 1).default(0.05),
    everything: real(0, 1).default(0.05),
  })
  .prefault({});
const styled = {
  ...sequences,
  clip: path(),
  resamplerConfig: path(),
  /** What is gone on with; fresh ones unless told. */
  resampler: path().optional(),
  adapter: path().optional(),
};

const schema = z.discriminatedUnion(
  'stage',
  [
    z.strictObject({
      stage: z.literal('vqgan'),
      ...common,
      /** A folder with `vqgan.yaml`. */
      network: path(),
      start,
      deadAfter: whole(0, 1e9).default(100),
      mirror: flag(true),
      checkpointed: flag(false),
      weights: z
        .strictObject({
          absolute: real(0, 1e6).default(1),
          squared: real(0, 1e6).default(1),
          edges: real(0, 1e6).default(0),
          chroma: real(0, 1e6).default(0),
          codebook: real(0, 1e6).default(1),
          commitment: real(0, 1e6).default(0.25),
        })
        .prefault({}),
    }),
    z.strictObject({
      stage: z.literal('clip'),
      ...common,
      /** A folder with `config.json`, `preprocessor_config.json` and the tokenizer. */
      network: path(),
      start,
      checkpointed: flag(false),
    }),
    z.strictObject({ stage: z.literal('language'), ...common, ...sequences, start, dropout }),
    z.strictObject({
      stage: z.literal('style'),
      ...common,
      ...styled,
      dropout,
      rank: whole(1, 1024).default(4),
      noiseStrength: real(0, 100).default(0.1),
    }),
    z.strictObject({
      stage: z.literal('dpo'),
      ...common,
      ...styled,
      resampler: path(),
      adapter: path(),
      beta: real(1e-9, 1e3).default(0.1),
      noiseStrength: real(0, 100).default(0),
    }),
  ],
  { error: 'a stage: "vqgan", "clip", "language", "style" or "dpo"' },
);

/** A config with every default in it; its paths are absolute. */
export type TrainConfig = z.output<typeof schema>;
export type StageConfig<Stage extends TrainConfig['stage']> = Extract<
  TrainConfig,
  { stage: Stage }
>;

/**
 * The config of a JSON file; paths in it are relative to its folder.
 *
 * Throws `ERR_INPUT` for what is missing, out of bounds or not known.
 */
export function readTrainConfig(file: string): TrainConfig {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw wrong(file, 'the config', 'readable JSON', (cause as Error).message, cause);
  }
  const result = schema.safeParse(json);
  if (result.success) return withFullPaths(result.data, dirname(resolve(file)));
  const issue = result.error.issues[0]!;
  const where = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => JSON.stringify(key)).join(', ');
    throw wrong(file, where || 'the config', 'without keys that are not known', keys);
  }
  const got = issue.path.reduce((value, key) => (value as never)?.[key], json);
  throw wrong(file, where || 'the config', issue.message, JSON.stringify(got) ?? 'nothing');
}

const pathKeys = new Set([
  ...['output', 'network', 'start', 'transformer', 'tokenizer', 'clip'],
  ...['resampler', 'resamplerConfig', 'adapter'],
]);

function withFullPaths(config: TrainConfig, folder: string): TrainConfig {
  const full = Object.entries(config).map(([key, value]) =>
    pathKeys.has(key) && typeof value === 'string' ? [key, resolve(folder, value)] : [key, value],
  );
  const sources = config.data.sources.map(({ shards, ...source }) => {
    return { ...source, shards: shards.map((shard) => resolve(folder, shard)) };
  });
  const { evaluation } = config;
  const maybe = (path: string | undefined) => path && resolve(folder, path);
  const heldOut = evaluation && {
    evaluation: {
      ...evaluation,
      shards: evaluation.shards.map((shard) => resolve(folder, shard)),
      vqgan: maybe(evaluation.vqgan),
      vqganConfig: maybe(evaluation.vqganConfig),
    },
  };
  return { ...Object.fromEntries(full), data: { sources }, ...heldOut } as TrainConfig;
}

const wrong = (
  file: string,
  what: string,
  expected: string,
  got: string,
  cause?: unknown,
): StylearError =>
  new StylearError('ERR_INPUT', `${file}: expected ${what} to be ${expected}, got ${got}`, {
    cause,
  });

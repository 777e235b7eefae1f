// What `stylear train` is told: which network, by which data, how. Keys that are not known are errors,
// and what is not said has a default that stands here.
import * as z from 'zod';
import { flag, objectOf, pathIn, readJsonConfig, real, someOf, whole } from '../json_config.ts';
import { releasedResampler } from '../models/config/resampler.ts';
import { layoutConfig } from '../text/layout_config.ts';

const training = objectOf({
  epochs: real(0, 1e6),
  batchSize: whole(1, 65_536),
  accumulation: whole(1, 65_536).default(1),
  rate: real(0, 1),
  /** What the rate falls to along a cosine; that of `rate` for a steady one. */
  minRate: real(0, 1).optional(),
  warmupEpochs: real(0, 1e6).default(0),
  /** Of the matrices of layers; AdamW, which moves everything else, unless told. */
  optimizer: z.enum(['adamw', 'muon'], { error: '"adamw" or "muon"' }).optional(),
  /** Of Muon. */
  momentum: real(0, 0.999_999).optional(),
  beta1: real(0, 0.999_999).default(0.9),
  beta2: real(0, 0.999_999).default(0.95),
  decay: real(0, 1).default(0.01),
  maxNorm: real(1e-9, 1e9).default(1),
  /** Closer to 1 an average in f32 stands still before it is there; see `MovingAverage`. */
  averageDecay: real(0, 0.9999).optional(),
  seed: whole(0, 2 ** 52).default(0),
  /** Steps between checkpoints. */
  saveEvery: whole(1, 1e9).default(500),
  /** Batches of examples of about one length, from chunks of so many; see `BatchOrder`. */
  chunkBatches: whole(1, 1e6).optional(),
}).superRefine(({ epochs, warmupEpochs, optimizer, momentum }, context) => {
  const refuse = (name: string, message: string) =>
    context.addIssue({ code: 'custom', path: [name], message });
  if (warmupEpochs > 0 && warmupEpochs >= epochs)
    refuse('warmupEpochs', `less than epochs, which is ${epochs}`);
  if (momentum !== undefined && optimizer !== 'muon')
    refuse('momentum', 'left out where optimizer is not "muon"');
});

/** Of stages that move no matrix of a layer. */
const adamwTraining = training.refine(({ optimizer }) => optimizer !== 'muon', {
  path: ['optimizer'],
  error: '"adamw", as no matrix of a layer is trained',
});

const dropout = objectOf({
  style: real(0, 1).default(0.05),
  caption: real(0, 1).default(0.05),
  everything: real(0, 1).default(0.05),
})
  // Sums of decimals are off by a rounding.
  .refine(({ style, caption, everything }) => style + caption + everything < 1 + 1e-9, {
    error: 'shares that come to 1 at most',
  })
  .prefault({});

/** Of the terms of a VQGAN's loss; see `VqganLossWeights`. */
const lossWeights = objectOf({
  absolute: real(0, 1e6).default(1),
  squared: real(0, 1e6).default(1),
  edges: real(0, 1e6).default(0),
  chroma: real(0, 1e6).default(0),
  texture: real(0, 1e6).default(0),
  covariance: real(0, 1e6).default(0),
  codebook: real(0, 1e6).default(1),
  commitment: real(0, 1e6).default(0.25),
}).prefault({});

/** What every stage has. */
function commonIn(folder: string) {
  const path = pathIn(folder);
  /** Indices of shards, or tar archives. */
  const shards = someOf(path);
  return {
    output: path,
    data: objectOf({ sources: someOf(objectOf({ shards, share: whole(1, 1000).default(1) })) }),
    training,
    /** What is measured of samples that are held out; nothing unless told. */
    evaluation: objectOf({
      /** Steps from one time to the next; it is measured after the last one in any case. */
      every: whole(1, 1e9),
      shards,
      /** The first so many samples are measured. */
      samples: whole(1, 1e6).default(256),
      /** The first so many are shown on a sheet; 0 for none. */
      shown: whole(0, 64).default(8),
      /** What decodes drawn pictures: a folder, or the file of the weights; none are drawn without it. */
      vqgan: path.optional(),
      /** Where `vqgan` names a file: its `vqgan.yaml`. */
      vqganConfig: path.optional(),
    }).optional(),
  };
}

/** What stages of the transformer have. */
const sequencesIn = (folder: string) => ({
  ...commonIn(folder),
  /** A folder with `config.json`. */
  transformer: pathIn(folder),
  /** Such as `tokenizer.json`. */
  tokenizer: pathIn(folder),
  /** Where pictures are not those of Chameleon: 8,192 codes, 16 pixels each. */
  layout: layoutConfig,
  dtype: z.enum(['f32', 'bf16'], { error: '"f32" or "bf16"' }).default('f32'),
  zLoss: real(0, 1).default(1e-5),
  chunkRows: whole(1, 1e9).default(4096),
  checkpointed: flag(false),
  /** Longer sequences are cut; of captions the first 4,096 characters are taken. */
  maxTokens: whole(2, 1e6).default(4096),
});

/** What stages of style have. */
const styledIn = (folder: string) => ({
  ...sequencesIn(folder),
  clip: pathIn(folder),
  /** What the resampler is made with: a path, or those of the release unless told. */
  resamplerConfig: pathIn(folder)
    .optional()
    .transform((path) => path ?? releasedResampler),
});

function schemaIn(folder: string) {
  const path = pathIn(folder);
  /** Weights to go on from; unless told those in the network's folder, fresh ones where it has none. */
  const start = path.optional();
  return z.discriminatedUnion(
    'stage',
    [
      objectOf({
        stage: z.literal('vqgan'),
        ...commonIn(folder),
        training: adamwTraining,
        /** A folder with `vqgan.yaml`. */
        network: path,
        start,
        /** Pictures that fresh weights are fitted to before the first step; 0 for none. */
        startPictures: whole(0, 1e5).default(0),
        deadAfter: whole(0, 1e9).default(100),
        mirror: flag(true),
        checkpointed: flag(false),
        weights: lossWeights,
      }),
      objectOf({
        stage: z.literal('clip'),
        ...commonIn(folder),
        /** A folder with `config.json`, `preprocessor_config.json` and the tokenizer. */
        network: path,
        start,
        checkpointed: flag(false),
      }),
      objectOf({
        stage: z.literal('language'),
        ...sequencesIn(folder),
        start,
        dropout,
        /** Of what each branch of a layer adds, 0.05 in Lumina-mGPT's recipe; none unless told. */
        branchDropout: real(0, 0.999_999).optional(),
      }),
      objectOf({
        stage: z.literal('style'),
        ...styledIn(folder),
        /** What is gone on with; fresh ones unless told. */
        resampler: path.optional(),
        adapter: path.optional(),
        dropout,
        rank: whole(1, 1024).default(4),
        noiseStrength: real(0, 100).default(0.1),
        /** The share of references that are cut into tiles and scattered; see `scattered`. */
        scatter: real(0, 1).default(0),
      }),
      objectOf({
        stage: z.literal('dpo'),
        ...styledIn(folder),
        training: adamwTraining,
        resampler: path,
        adapter: path,
        beta: real(1e-9, 1e3).default(0.1),
        noiseStrength: real(0, 100).default(0),
      }),
    ],
    { error: 'a stage: "vqgan", "clip", "language", "style" or "dpo"' },
  );
}

/** A config with every default in it; its paths are absolute. */
export type TrainConfig = z.output<ReturnType<typeof schemaIn>>;
/** The config of a stage. */
export type StageConfig<Stage extends TrainConfig['stage']> = Extract<
  TrainConfig,
  { stage: Stage }
>;

/**
 * The config of a JSON file; paths in it are relative to its folder.
 *
 * Throws `ERR_INPUT` for what is missing, out of bounds or not known.
 */
export const readTrainConfig = (file: string): TrainConfig => readJsonConfig(file, schemaIn);

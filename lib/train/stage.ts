// From a config to what is trained: opens the networks and the data of a stage.
import { join } from 'node:path';
import { StylearError } from '../error.ts';
import { clipPixels } from '../image/clip_pixels.ts';
import { readClipPreprocessing } from '../image/clip_preprocessing.ts';
import { decodePicture } from '../image/decode.ts';
import type { Picture } from '../image/picture.ts';
import { Chameleon } from '../models/chameleon.ts';
import { Clip } from '../models/clip.ts';
import { ClipVision } from '../models/clip_vision.ts';
import { readChameleonConfig } from '../models/config/chameleon.ts';
import { readClipConfig } from '../models/config/clip.ts';
import { readResamplerConfig } from '../models/config/resampler.ts';
import { readVqganConfig } from '../models/config/vqgan.ts';
import { LoraAdapter } from '../models/lora.ts';
import { openVqgan } from '../models/open_vqgan.ts';
import { requireTransformersClip } from '../models/required_parts.ts';
import { Resampler } from '../models/resampler.ts';
import { StyleEncoder } from '../models/style_encoder.ts';
import { Vqgan } from '../models/vqgan.ts';
import { Shards } from '../shards/shards.ts';
import { decodeSample, type TrainingSample } from '../shards/training_sample.ts';
import type { Device } from '../tensor/device.ts';
import { scope } from '../tensor/scope.ts';
import { ClipTokenizer } from '../text/clip_tokenizer.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import {
  chameleonLayoutOf,
  gridUnitsOf,
  type Vocabulary,
  vocabularyOf,
} from '../text/vocabulary.ts';
import { Weights } from '../weights/weights.ts';
import { ClipTrainer } from './clip_trainer.ts';
import { type ConditionedExample, conditionedExample } from './conditioning.ts';
import type { StageConfig, TrainConfig } from './config.ts';
import { DpoTrainer } from './dpo_trainer.ts';
import { Draws } from './draws.ts';
import { LanguageTrainer } from './language_trainer.ts';
import { reconstructionSheet } from './reconstruction_sheet.ts';
import { ofSample } from './sample_error.ts';
import { sampleSheet } from './sample_sheet.ts';
import { startOf } from './start.ts';
import { styleFeatures } from './style_reference.ts';
import { StyleTrainer } from './style_trainer.ts';
import type { Examples, Trainer } from './trainer.ts';
import { startVqgan } from './vqgan_start.ts';
import { type VqganExample, VqganTrainer } from './vqgan_trainer.ts';

/** A trainer with its data, whatever examples these are. */
export interface Stage extends Disposable {
  readonly trainer: Trainer<unknown, unknown>;
  readonly examples: Examples<unknown>;
  /** Examples of each source, in the order of the config. */
  readonly counts: readonly number[];
  /** About how many tokens each example has, for batches of about one length. */
  lengths(): Float32Array;
  /** What is to be done before the first step, and not where a training goes on. */
  begin?(): Promise<void>;
  /** What is measured now and then, where the config says so. */
  readonly heldOut: HeldOut | undefined;
  /** What is written when the training is done: trees by file name. */
  readonly results: Readonly<Record<string, Weights>>;
}

/** Examples that are held out, and what is to be seen of them. */
export interface HeldOut {
  readonly examples: Examples<unknown>;
  /** Figures that follow from the means of others. */
  derived(figures: Readonly<Record<string, number>>): Readonly<Record<string, number>>;
  /** What its sheet shows, where there is one. */
  readonly sheet: { readonly caption: string; draw(): Promise<Picture> } | undefined;
}

/**
 * Opens what a config names.
 *
 * Throws `ERR_WEIGHTS` or `ERR_INPUT` when a file is not what it must be.
 */
export function openStage(config: TrainConfig, device: Device): Stage {
  const opened = new Opened(config, device);
  try {
    return stageOf(config, opened);
  } catch (error) {
    opened[Symbol.dispose]();
    throw error;
  }
}

function stageOf(config: TrainConfig, opened: Opened): Stage {
  switch (config.stage) {
    case 'vqgan':
      return vqganStage(config, opened);
    case 'clip':
      return clipStage(config, opened);
    case 'language':
      return languageStage(config, opened);
    case 'style':
      return styleStage(config, opened);
    case 'dpo':
      return dpoStage(config, opened);
  }
}

function vqganStage(config: StageConfig<'vqgan'>, opened: Opened): Stage {
  const weights = opened.optional(startOf(config));
  const vqgan = new Vqgan(weights, readVqganConfig(join(config.network, 'vqgan.yaml')));
  const trainer = opened.own(new VqganTrainer(vqgan, weights.entries(), config));
  const exampleOf = async (sample: TrainingSample): Promise<VqganExample> => ({
    ...(await pictureOf(sample)),
    name: sample.key,
  });
  const stage = opened.stage(
    trainer,
    exampleOf,
    { 'model.safetensors': weights },
    {
      // Of pixels in [-1, 1].
      derived: ({ squared }) => ({ psnr: 10 * Math.log10(4 / squared!) }),
      caption: 'held-out pictures, and below each what its codes give back',
      draw: async (shown) => reconstructionSheet(vqgan, await Promise.all(shown.map(pictureOf))),
    },
  );
  const { startPictures } = config;
  if (startPictures === 0 || weights.isFromFile) return stage;
  const begin = async () => {
    const { length } = stage.examples;
    const count = Math.min(startPictures, length);
    const pictures = await Promise.all(
      Array.from({ length: count }, (_, i) => stage.examples.at(Math.floor((i * length) / count))),
    );
    const draws = new Draws(config.training.seed, 0);
    using pixels = trainer.prepare(pictures as VqganExample[], draws).batch;
    await startVqgan(vqgan, weights.entries(), pixels, draws);
  };
  return { ...stage, begin };
}

function clipStage(config: StageConfig<'clip'>, opened: Opened): Stage {
  const sizes = readClipConfig(config.network);
  const weights = opened.optional(startOf(config));
  requireTransformersClip(weights, config.start ?? config.network);
  const clip = new Clip(weights, sizes);
  const tokenizer = ClipTokenizer.open(config.network);
  const preprocessing = readClipPreprocessing(join(config.network, 'preprocessor_config.json'));
  const { positions } = clip.text.config;
  const exampleOf = async (sample: TrainingSample) => {
    const ids = [...tokenizer.encode(sample.caption, positions)];
    return {
      pixels: clipPixels([await pictureOf(sample)], preprocessing),
      ids: ids.slice(0, ids.indexOf(tokenizer.end) + 1),
    };
  };
  const trainer = new ClipTrainer(clip, weights.entries(), config);
  return opened.stage(trainer, exampleOf, { 'model.safetensors': weights });
}

function languageStage(config: StageConfig<'language'>, opened: Opened): Stage {
  const { model, weights } = opened.transformer(config);
  const { vocabulary, sequences } = sequencesOf(config, model, 'plain');
  const trainer = new LanguageTrainer(model, weights.entries(), config);
  const shows = opened.drawn(async (vqgan, shown) => {
    const examples = shown.map((sample) => sequences(sample).whole);
    const { seed } = config.training;
    return sampleSheet(model, vqgan, vocabulary, examples, { dtype: config.dtype, seed });
  });
  return opened.stage(trainer, sequences, { 'model.safetensors': weights }, shows);
}

function styleStage(config: StageConfig<'style'>, opened: Opened): Stage {
  const { model } = opened.transformer(config);
  const { encoder, resampler, referenceOf } = opened.style(config);
  const lora = opened.optional(config.adapter);
  const adapter = LoraAdapter.of(lora, model, config.rank);
  const { vocabulary, sequences } = sequencesOf(config, model, 'style');
  const exampleOf = async (sample: TrainingSample) => ({
    ...sequences(sample),
    reference: await referenceOf(sample),
  });
  const parameters = [...resampler.entries(), ...lora.entries()];
  const trainer = new StyleTrainer(model, encoder, adapter, parameters, config);
  const shows = opened.drawn(async (vqgan, shown) => {
    const examples = await Promise.all(shown.map(exampleOf));
    const references = examples.map(({ reference }) => reference);
    const { device } = trainer;
    using style = scope(() => encoder.fromFeatures(styleFeatures(device, encoder, references)));
    const { seed } = config.training;
    const whole = examples.map(({ whole }) => whole);
    return await sampleSheet(model, vqgan, vocabulary, whole, { style, dtype: config.dtype, seed });
  });
  const results = { 'model.safetensors': lora, 'image_proj.safetensors': resampler };
  return opened.stage(trainer, exampleOf, results, shows);
}

function dpoStage(config: StageConfig<'dpo'>, opened: Opened): Stage {
  const { model } = opened.transformer(config);
  const { encoder, referenceOf } = opened.style(config);
  const [lora, before] = [opened.optional(config.adapter), opened.optional(config.adapter)];
  const adapters = {
    policy: LoraAdapter.of(lora, model),
    reference: LoraAdapter.of(before, model),
  };
  const { sequences } = sequencesOf(config, model, 'style');
  const exampleOf = async (sample: TrainingSample) => {
    const answered = (tokens: Int32Array | undefined, name: string) =>
      sequences({ ...sample, tokens: required(sample, name, tokens) }).whole;
    return {
      chosen: answered(sample.chosen, 'chosen.ids'),
      rejected: answered(sample.rejected, 'rejected.ids'),
      reference: await referenceOf(sample),
    };
  };
  const trainer = new DpoTrainer(model, encoder, adapters, lora.entries(), config);
  return opened.stage(trainer, exampleOf, { 'model.safetensors': lora });
}

/** What was opened for a stage, and is to be freed with it. */
class Opened implements Disposable {
  private readonly config: TrainConfig;
  private readonly device: Device;
  private readonly owned: Disposable[] = [];

  constructor(config: TrainConfig, device: Device) {
    this.config = config;
    this.device = device;
  }

  own<T extends Disposable>(part: T): T {
    this.owned.push(part);
    return part;
  }

  /** Weights to go on from, or fresh ones where there is no file. */
  optional(file: string | undefined, dtype: 'f32' | 'bf16' = 'f32'): Weights {
    const { seed } = this.config.training;
    if (file === undefined) return this.own(Weights.fresh(this.device, { seed, dtype }));
    return this.own(Weights.open(file, this.device, { dtype, writable: true }));
  }

  /** The transformer, to be trained by the stage of language, for the others as it is. */
  transformer(config: StageConfig<'language' | 'style' | 'dpo'>): {
    model: Chameleon;
    weights: Weights;
  } {
    const { transformer, dtype } = config;
    const sizes = readChameleonConfig(transformer);
    const weights =
      config.stage === 'language'
        ? this.optional(startOf(config), dtype)
        : this.own(Weights.open(transformer, this.device, { dtype }));
    return { model: new Chameleon(weights, sizes), weights };
  }

  style({ clip, resampler, resamplerConfig }: StageConfig<'style' | 'dpo'>) {
    const vision = this.own(Weights.open(clip, this.device, { dtype: 'f32' }));
    requireTransformersClip(vision, clip);
    const resamplerWeights = this.optional(resampler);
    const resamplerSizes =
      typeof resamplerConfig === 'string' ? readResamplerConfig(resamplerConfig) : resamplerConfig;
    const encoder = new StyleEncoder(
      new ClipVision(vision.at('vision_model'), readClipConfig(clip).vision),
      new Resampler(resamplerWeights, resamplerSizes),
    );
    const preprocessing = readClipPreprocessing(join(clip, 'preprocessor_config.json'));
    const referenceOf = async (sample: TrainingSample) => ({
      pixels: clipPixels([await pictureOf(sample)], preprocessing),
    });
    return { encoder, resampler: resamplerWeights, referenceOf };
  }

  stage<Example, Batch>(
    trainer: Trainer<Example, Batch>,
    exampleOf: (sample: TrainingSample) => Example | Promise<Example>,
    results: Stage['results'],
    shows: HeldOutOptions = {},
  ): Stage {
    const sources = this.config.data.sources.map(({ shards }) => this.own(Shards.open(shards)));
    const places = sources.flatMap((source) =>
      Array.from({ length: source.length }, (_, i) => [source, i] as const),
    );
    const at = (index: number) => {
      const [source, i] = places[index]!;
      return exampleAt(source, i, exampleOf);
    };
    return {
      trainer: trainer as Trainer<unknown, unknown>,
      examples: { length: places.length, at },
      counts: sources.map(({ length }) => length),
      lengths: () => Float32Array.from(places, ([source, i]) => aboutTokens(source, i)),
      heldOut: this.heldOut(exampleOf, shows),
      results,
      [Symbol.dispose]: () => this[Symbol.dispose](),
    };
  }

  /** What is shown of a transformer, where the config says what decodes it. */
  drawn(
    sheetOf: (vqgan: Vqgan, shown: readonly TrainingSample[]) => Promise<Picture>,
  ): HeldOutOptions {
    const { vqgan: path, vqganConfig: config } = this.config.evaluation ?? {};
    if (path === undefined) return {};
    const { vqgan } = this.own(openVqgan(path, this.device, { config }));
    return {
      caption: 'held-out pictures, and below each what is drawn of its caption',
      draw: (shown) => sheetOf(vqgan, shown),
    };
  }

  private heldOut<Example>(
    exampleOf: (sample: TrainingSample) => Example | Promise<Example>,
    { derived = () => ({}), caption, draw }: HeldOutOptions,
  ): HeldOut | undefined {
    const { evaluation } = this.config;
    if (!evaluation) return undefined;
    const source = this.own(Shards.open(evaluation.shards));
    if (source.length === 0) throw lacking('evaluation.shards', 'at least one sample', 'none');
    const shown = Math.min(evaluation.shown, source.length);
    const samples = () =>
      Promise.all(
        Array.from({ length: shown }, (_, i) => exampleAt(source, i, (sample) => sample)),
      );
    return {
      examples: {
        length: Math.min(evaluation.samples, source.length),
        at: (index) => exampleAt(source, index, exampleOf),
      },
      derived,
      sheet:
        draw && caption && shown > 0
          ? { caption, draw: async () => draw(await samples()) }
          : undefined,
    };
  }

  [Symbol.dispose](): void {
    for (const part of this.owned.splice(0).reverse()) part[Symbol.dispose]();
  }
}

/** Rejects with `ERR_INPUT` that names the sample when it is not what it must be. */
const exampleAt = <Example>(
  source: Shards,
  index: number,
  exampleOf: (sample: TrainingSample) => Example | Promise<Example>,
): Promise<Example> =>
  ofSample({ file: source.fileOf(index), key: source.keyOf(index) }, () =>
    exampleOf(decodeSample(source.at(index))),
  );

/** What a stage shows of its held-out samples. */
interface HeldOutOptions {
  readonly derived?: HeldOut['derived'];
  readonly caption?: string;
  readonly draw?: (shown: readonly TrainingSample[]) => Promise<Picture>;
}

/** From the sizes of a sample's files: its pictures' tokens have 4 bytes each, a word's about 4. */
function aboutTokens(source: Shards, index: number): number {
  const bytes = (extension: string) => source.bytesOf(index, extension);
  const answer = Math.max(bytes('ids'), bytes('chosen.ids'), bytes('rejected.ids'));
  return (bytes('txt') + answer) / 4;
}

const pictureOf = (sample: TrainingSample): Promise<Picture> =>
  decodePicture(required(sample, 'picture', sample.picture).bytes, { name: sample.key });

/** Sequences of captions and tokens. */
function sequencesOf(
  { tokenizer: file, layout }: StageConfig<'language' | 'style' | 'dpo'>,
  { shape }: Chameleon,
  kind: 'plain' | 'style',
): { vocabulary: Vocabulary; sequences: (sample: TrainingSample) => ConditionedExample } {
  const tokenizer = Tokenizer.open(file);
  const vocabulary = vocabularyOf(tokenizer.ids, chameleonLayoutOf(layout), shape.vocabulary);
  const sequences = (sample: TrainingSample) => {
    const image = [...required(sample, 'ids', sample.tokens)];
    const size = kind === 'plain' ? sizeOf(sample, vocabulary, image) : {};
    const content = { prompt: sample.caption, ...size };
    return conditionedExample(tokenizer, vocabulary, kind, content, image);
  };
  return { vocabulary, sequences };
}

/** In pixels; a picture's second token is its height, its third its width. */
function sizeOf(
  { key }: TrainingSample,
  vocabulary: Vocabulary,
  [, h = -1, w = -1]: readonly number[],
): { height: number; width: number } {
  const [height, width] = [h, w].map((id) => gridUnitsOf(vocabulary, id));
  if (height === undefined || width === undefined)
    throw lacking(key, 'tokens of a picture with its size', `${h} and ${w} behind its start`);
  return { height: height * vocabulary.unitPixels, width: width * vocabulary.unitPixels };
}

function required<T>({ key }: TrainingSample, name: string, value: T | undefined): T {
  if (value === undefined) throw lacking(key, `a sample with ${name}`, 'none');
  return value;
}

const lacking = (key: string, expected: string, got: string): StylearError =>
  new StylearError('ERR_INPUT', `${key}: expected it to be ${expected}, got ${got}`);

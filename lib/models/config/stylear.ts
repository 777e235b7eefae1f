import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { StylearError } from '../../error.ts';
import { schemaFault } from '../../schema_fault.ts';
import { shown } from '../../shown.ts';
import { weightsError } from '../../weights/byte_source.ts';
import { isFolder } from '../../weights/weight_folder.ts';
import { vqganFiles } from '../required_parts.ts';
import { defaultResidualRatio, defaultSubtraction } from '../style_tokens.ts';
import { objectOf, only, parseConfig, readConfigFile, real, whole } from './config_file.ts';

/** Where the parts of a StyleAR are. */
export interface StyleARFiles {
  /** Folder of the language model: `config.json` and its weights; see `weightsOfFolder`. */
  readonly transformer: string;
  /** StyleAR's low-rank adapter; without it the model is as it was before StyleAR. */
  readonly adapter?: string | undefined;
  /** StyleAR's resampler, `image_proj.pth`. */
  readonly resampler: string;
  /** The arguments of the resampler's constructor; those of the release unless told. */
  readonly resamplerConfig?: string | undefined;
  /** Folder of CLIP: `config.json`, `preprocessor_config.json`, weights. */
  readonly clip: string;
  /** The image tokenizer's weights, or the folder of them and their `vqgan.yaml`. */
  readonly vqgan: string;
  /** Where `vqgan` names a file. */
  readonly vqganConfig?: string | undefined;
  /** `tokenizer.json`, or a folder of it or of Chameleon's `text_tokenizer.json`. */
  readonly tokenizer: string;
}

/** Pictures of a vocabulary that has Chameleon's names. */
export interface PictureNumbers {
  /** Codes of the image tokenizer. */
  readonly codes: number;
  /** The longest side, in grid units. */
  readonly gridMax: number;
  /** Codes along a side of a grid unit. */
  readonly codesPerUnit: number;
  /** Pixels along a side of a grid unit. */
  readonly unitPixels: number;
}

/** What a StyleAR is best used with. */
export interface StyleARDefaults {
  /** Which ids are pictures: those of a family, or those of Chameleon's names with other numbers. */
  readonly layout: 'chameleon' | 'lumina2' | PictureNumbers;
  /** Pictures have about as many pixels as a square of this side. */
  readonly targetSize: number;
  readonly guidance: number;
  readonly imageTopK: number;
  readonly temperature: number;
  /** On style tokens, where a request has no condition. */
  readonly noiseStrength: number;
  /** The same where it has one: a layout that is given leaves less of the reference's things. */
  readonly conditionNoiseStrength: number;
  /** How much of a reference's subject is taken away where it is cut out; see `withoutSubject`. */
  readonly subtraction: number;
  /** The share of the reference as it is beside that; see `blendStyle`. */
  readonly residualRatio: number;
}

/** Those of the released StyleAR. */
export const releasedDefaults: StyleARDefaults = {
  layout: 'chameleon',
  targetSize: 768,
  guidance: 4,
  imageTopK: 2000,
  temperature: 1,
  noiseStrength: 0.3,
  conditionNoiseStrength: 0.1,
  subtraction: defaultSubtraction,
  residualRatio: defaultResidualRatio,
};

/** The parts of a StyleAR, every path absolute, and how it is used. */
export interface StyleARConfig {
  readonly files: StyleARFiles & { readonly vqganConfig: string };
  readonly defaults: StyleARDefaults;
}

const layoutError =
  '"chameleon", "lumina2" or an object of codes, grid_max, codes_per_unit and unit_pixels';
const pictures = objectOf({
  codes: whole(1, 2 ** 20),
  grid_max: whole(1, 4096),
  codes_per_unit: whole(1, 64),
  unit_pixels: whole(1, 1024),
}).transform(({ grid_max, codes_per_unit, unit_pixels, ...others }) => {
  return { ...others, gridMax: grid_max, codesPerUnit: codes_per_unit, unitPixels: unit_pixels };
});

const error = 'a path within the folder';
const path = z.string({ error }).min(1, { error });
const schema = objectOf({
  format: only('stylear'),
  version: only(1),
  transformer: path,
  adapter: path.optional(),
  resampler: path,
  resampler_config: path.optional(),
  clip: path,
  vqgan: path,
  vqgan_config: path.optional(),
  tokenizer: path,
  layout: z
    .union([only('chameleon', 'lumina2'), pictures], { error: layoutError })
    .default(releasedDefaults.layout),
  target_size: whole(32, 2 ** 13).default(releasedDefaults.targetSize),
  guidance: real(1, 100).default(releasedDefaults.guidance),
  image_top_k: whole(0, 2 ** 22).default(releasedDefaults.imageTopK),
  temperature: real(0, 100).default(releasedDefaults.temperature),
  noise_strength: real(0, 100).default(releasedDefaults.noiseStrength),
  condition_noise_strength: real(0, 100).default(releasedDefaults.conditionNoiseStrength),
  subtraction: real(0, 1).default(releasedDefaults.subtraction),
  residual_ratio: real(0, 1).default(releasedDefaults.residualRatio),
});

const given = z.string({ error: 'a path' }).min(1, { error: 'a path' });
const filesSchema = z.object(
  {
    transformer: given,
    adapter: given.optional(),
    resampler: given,
    resamplerConfig: given.optional(),
    clip: given,
    vqgan: given,
    vqganConfig: given.optional(),
    tokenizer: given,
  },
  { error: 'a folder or an object of paths' },
);

/** Throws `ERR_INPUT` naming the part that is no path. */
function checkedFiles(files: StyleARFiles): StyleARFiles {
  const result = filesSchema.safeParse(files);
  if (result.success) return files;
  const { where, expected, got } = schemaFault(result.error, files, shown);
  throw new StylearError(
    'ERR_INPUT',
    `load: expected ${where || 'from'} to be ${expected}, got ${got}`,
  );
}

/**
 * Where the parts are that a folder or a set of paths names.
 *
 * Throws `ERR_WEIGHTS` when a part is not there, or the folder's `stylear.json` is not one, and
 * `ERR_INPUT` for what is no path.
 *
 * @param from  a folder with a `stylear.json`, or the paths of the parts as they were downloaded
 */
export function readStyleARConfig(from: string | StyleARFiles): StyleARConfig {
  if (typeof from !== 'string') return withAll(checkedFiles(from), releasedDefaults);
  const file = join(from, 'stylear.json');
  const config = parseConfig(file, schema, readConfigFile(file));
  const within = (part: string): string => {
    const full = resolve(from, part);
    if (full.startsWith(`${resolve(from)}/`)) return full;
    throw weightsError(file, `the path ${part}`, 'within the folder', 'one outside');
  };
  const maybe = (part: string | undefined) => part && within(part);
  const files = {
    transformer: within(config.transformer),
    adapter: maybe(config.adapter),
    resampler: within(config.resampler),
    resamplerConfig: maybe(config.resampler_config),
    clip: within(config.clip),
    vqgan: within(config.vqgan),
    vqganConfig: maybe(config.vqgan_config),
    tokenizer: within(config.tokenizer),
  };
  return withAll(files, {
    layout: config.layout,
    targetSize: config.target_size,
    guidance: config.guidance,
    imageTopK: config.image_top_k,
    temperature: config.temperature,
    noiseStrength: config.noise_strength,
    conditionNoiseStrength: config.condition_noise_strength,
    subtraction: config.subtraction,
    residualRatio: config.residual_ratio,
  });
}

/** With the files that folders stand for. */
function withAll(given: StyleARFiles, defaults: StyleARDefaults): StyleARConfig {
  for (const part of ['transformer', 'adapter', 'resampler', 'clip', 'vqgan', 'tokenizer'] as const)
    if (given[part] !== undefined) requireThere(part, given[part]);
  const tokenizer = isFolder(given.tokenizer) ? tokenizerIn(given.tokenizer) : given.tokenizer;
  if (isFolder(given.vqgan)) {
    const { checkpoint: vqgan, config: vqganConfig } = vqganFiles(given.vqgan);
    return { files: { ...given, tokenizer, vqgan, vqganConfig }, defaults };
  }
  const { vqganConfig } = given;
  if (vqganConfig === undefined)
    throw weightsError(given.vqgan, 'vqganConfig', 'the path of vqgan.yaml', 'none');
  return { files: { ...given, tokenizer, vqganConfig }, defaults };
}

const downloads = {
  transformer: 'Lumina-mGPT-7B-768, a folder with config.json and model.safetensors.index.json',
  adapter: 'model.safetensors of StyleAR',
  resampler: 'image_proj.pth of StyleAR',
  clip: 'CLIP-ViT-H-14-laion2B-s32B-b79K, a folder with config.json',
  vqgan: 'vqgan.ckpt and vqgan.yaml of Chameleon',
  tokenizer: 'tokenizer.json of Lumina-mGPT-7B-768',
} as const;

function requireThere(part: keyof typeof downloads, path: string): void {
  if (statSync(path, { throwIfNoEntry: false })) return;
  throw weightsError(path, `the ${part}`, 'there', 'nothing', adviceFor(part));
}

/** As Hugging Face has it, or as Chameleon was published. */
function tokenizerIn(folder: string): string {
  const names = ['tokenizer.json', 'text_tokenizer.json', 'tokenizer/text_tokenizer.json'];
  const name = names.find((name) => existsSync(join(folder, name)));
  if (name) return join(folder, name);
  throw weightsError(folder, 'the tokenizer', names.join(' or '), 'none', adviceFor('tokenizer'));
}

const adviceFor = (part: keyof typeof downloads): { readonly advice: string } => {
  return { advice: `Download ${downloads[part]}.` };
};

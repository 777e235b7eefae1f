// What `stylear curate` is told. Keys that are not known are errors, and what is not said has a
// default that stands here.
import * as z from 'zod';
import { objectOf, pathIn, readJsonConfig, someOf, whole } from '../json_config.ts';

/** What turns pictures into tokens. */
const tokenizerIn = (folder: string) => ({
  /** The image tokenizer's weights, or the folder of `vqgan.ckpt` and `vqgan.yaml`. */
  vqgan: pathIn(folder),
  /** Where `vqgan` names a file: its `vqgan.yaml`. */
  vqganConfig: pathIn(folder).optional(),
  /** Such as `tokenizer.json`. */
  tokenizer: pathIn(folder),
  /** Where pictures are not those of Chameleon: 8,192 codes, 16 pixels each. */
  layout: objectOf({
    codes: whole(1, 2 ** 20).default(8192),
    gridMax: whole(1, 4096).default(128),
    codesPerUnit: whole(1, 64).default(2),
    unitPixels: whole(1, 1024).default(32),
  }).prefault({}),
  /** Pictures that are encoded at once. */
  batchSize: whole(1, 4096).default(32),
});

const commonIn = (folder: string) => ({
  /** A path without an extension, such as data/curated for data/curated.index.json. */
  output: pathIn(folder),
  /** Samples between which a run can be taken up again. */
  partSize: whole(1, 1e6).default(512),
});

const schemaIn = (folder: string) =>
  z.discriminatedUnion(
    'kind',
    [
      objectOf({
        kind: z.literal('tokens'),
        ...commonIn(folder),
        /** Indices of shards, or tar archives. */
        shards: someOf(pathIn(folder)),
        ...tokenizerIn(folder),
      }),
    ],
    { error: 'a kind: "tokens"' },
  );

/** A config with every default in it; its paths are absolute. */
export type CurateConfig = z.output<ReturnType<typeof schemaIn>>;
export type KindConfig<Kind extends CurateConfig['kind']> = Extract<CurateConfig, { kind: Kind }>;

/** What {@link PictureTokenizer.open} takes of a config. */
export type TokenizerConfig = z.output<z.ZodObject<ReturnType<typeof tokenizerIn>>>;

/**
 * The config of a JSON file; paths in it are relative to its folder.
 *
 * Throws `ERR_INPUT` for what is missing, out of bounds or not known.
 */
export const readCurateConfig = (file: string): CurateConfig => readJsonConfig(file, schemaIn);

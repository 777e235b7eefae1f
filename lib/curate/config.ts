// What `stylear curate` is told. Keys that are not known are errors, and what is not said has a
// default that stands here.
import * as z from 'zod';
import { flag, objectOf, pathIn, readJsonConfig, real, someOf, whole } from '../json_config.ts';
import { layoutConfig } from '../text/layout_config.ts';
import { hashBits } from './difference_hash.ts';
import { sampleKinds } from './world/samples.ts';

/** What turns pictures into tokens. */
const tokenizerIn = (folder: string) => ({
  /** The image tokenizer's weights, or the folder of `vqgan.ckpt` and `vqgan.yaml`. */
  vqgan: pathIn(folder),
  /** Where `vqgan` names a file: its `vqgan.yaml`. */
  vqganConfig: pathIn(folder).optional(),
  /** Such as `tokenizer.json`. */
  tokenizer: pathIn(folder),
  /** Where pictures are not those of Chameleon: 8,192 codes, 16 pixels each. */
  layout: layoutConfig,
  /** Pictures that are encoded at once. */
  batchSize: whole(1, 4096).default(32),
});

const commonIn = (folder: string) => ({
  /** A path without an extension, such as data/curated for data/curated.index.json. */
  output: pathIn(folder),
  /** Samples between which a run can be taken up again. */
  partSize: whole(1, 1e6).default(512),
});

const first = () => whole(0, 2 ** 40).default(0);

/** Where pictures come with the references of their styles. */
const styledSourcesIn = (folder: string) => {
  const prompts = z.union([whole(1, 1e6), pathIn(folder)], {
    error: 'a whole number in [1, 1000000] or a path',
  });
  return [
    /** Prompts in reference styles, by the picture world: so many drawn ones, or the lines of a file. */
    objectOf({
      from: z.literal('styles'),
      styles: whole(1, 1e6).default(80),
      prompts: prompts.default(200),
      first: first(),
    }),
    /** STYLE/KEY.png and KEY.txt, beside STYLE/reference.png and reference.txt. */
    objectOf({ from: z.literal('pairs'), folder: pathIn(folder) }),
  ] as const;
};

const sourceIn = (folder: string) =>
  z.discriminatedUnion(
    'from',
    [
      /** KEY.png and KEY.txt. */
      objectOf({ from: z.literal('folder'), folder: pathIn(folder) }),
      /** Indices of shards, or tar archives. */
      objectOf({ from: z.literal('shards'), shards: someOf(pathIn(folder)) }),
      /** Pictures of the picture world. */
      objectOf({
        from: z.literal('world'),
        pictures: z.enum(Object.keys(sampleKinds) as (keyof typeof sampleKinds)[], {
          error: '"raw" or "stylised"',
        }),
        count: whole(1, 2 ** 40),
        first: first(),
      }),
      ...styledSourcesIn(folder),
    ],
    { error: 'a source: from "folder", "shards", "world", "styles" or "pairs"' },
  );

/** What a picture must have to stay; see `Thresholds`. */
const keep = objectOf({
  minText: real(-1, 1).optional(),
  minStyle: real(-1, 1).optional(),
  minColours: real(0, 1).optional(),
  maxLeakage: real(-2, 2).optional(),
  duplicateBits: whole(0, hashBits / 4 - 1).optional(),
});

/** Of which scores there is none without a CLIP. */
const ofClip = ['minText', 'minStyle', 'maxLeakage'] as const;

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
      objectOf({
        kind: z.literal('pictures'),
        ...commonIn(folder),
        source: sourceIn(folder),
        /** Pixels a side: pictures are made squares. */
        size: whole(16, 4096),
        /** A folder with both towers, `preprocessor_config.json` and the tokenizer. */
        clip: pathIn(folder).optional(),
        keep: keep.prefault({}),
        /** Without it the samples get no tokens. */
        tokens: objectOf(tokenizerIn(folder)).optional(),
        /** Pictures and scores stay beside the output, for a run with other thresholds. */
        keepWork: flag(false),
      }).superRefine(({ clip, keep }, context) => {
        const name = clip === undefined && ofClip.find((name) => keep[name] !== undefined);
        if (!name) return;
        const message = 'given with a clip, which scores it';
        context.addIssue({ code: 'custom', path: ['keep', name], message });
      }),
      objectOf({
        kind: z.literal('preferences'),
        ...commonIn(folder),
        source: z.discriminatedUnion('from', styledSourcesIn(folder), {
          error: 'a source: from "styles" or "pairs"',
        }),
        /** A folder with a `stylear.json`: what draws. */
        model: pathIn(folder),
        /** As above: what scores. */
        clip: pathIn(folder),
        /** How much CLIP-T and CLIP-I count. */
        weights: objectOf({
          text: real(0, 1e6).default(1),
          style: real(0, 1e6).default(1),
        }).prefault({}),
        /** Pixels a side. */
        size: whole(16, 4096),
        /** Pictures that are drawn of each prompt in each style. */
        samples: whole(2, 1024).default(4),
        /** Pictures that are drawn at once. */
        batchSize: whole(1, 4096).default(16),
        seed: whole(0, 2 ** 40).default(0),
        /** By how much the scores of a pair differ at least. */
        minMargin: real(0, 1e6).default(0),
      }),
    ],
    { error: 'a kind: "tokens", "pictures" or "preferences"' },
  );

/** A config with every default in it; its paths are absolute. */
export type CurateConfig = z.output<ReturnType<typeof schemaIn>>;
/** The config of a kind, or of several. */
export type CurateConfigOf<Kind extends CurateConfig['kind']> = Kind extends unknown
  ? Extract<CurateConfig, { kind: Kind }>
  : never;

/** What {@link PictureTokenizer.open} takes of a config. */
export type TokenizerConfig = z.output<z.ZodObject<ReturnType<typeof tokenizerIn>>>;

/**
 * The config of a JSON file; paths in it are relative to its folder.
 *
 * Throws `ERR_INPUT` for what is missing, out of bounds or not known.
 */
export const readCurateConfig = (file: string): CurateConfig => readJsonConfig(file, schemaIn);

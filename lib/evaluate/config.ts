// What `stylear evaluate` is told. Keys that are not known are errors, and what is not said has a
// default that stands here.
import * as z from 'zod';
import { objectOf, pathIn, readJsonConfig, real, whole } from '../json_config.ts';
import { splits } from './protocol.ts';
import { modelVariants } from './variants.ts';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 :._+-]*$/);

const oneOf = <const Value extends string>(values: readonly Value[]) =>
  z.enum(values, { error: `one of ${values.map((value) => JSON.stringify(value)).join(', ')}` });

/** A list without repetitions: what is named twice would be counted twice. */
const different = <Item extends z.ZodType<string>>(item: Item) =>
  z
    .array(item, { error: 'a list' })
    .refine((items) => new Set(items).size === items.length, { error: 'different ones' });

const promptList = different(z.string({ error: 'a prompt' }).regex(/\S/, { error: 'a prompt' }))
  .min(1, { error: 'at least one' })
  .max(10_000, { error: 'at most 10000' });

/** Held-out drawings that go through the VQGAN, unless told. */
const reconstructions = 100;

const keysIn = (folder: string) =>
  objectOf({
    /** A folder: pictures are kept in it, so that a run that was stopped goes on. */
    output: pathIn(folder),
    /** Folders with a `stylear.json` by the names that the table gives them. */
    models: z
      .record(name, pathIn(folder), {
        error: ({ code }) =>
          code === 'invalid_key'
            ? 'under a name of letters, digits, spaces and " : . _ + - "'
            : 'an object of folders by name',
      })
      .refine((models) => Object.keys(models).length > 0, { error: 'at least one' }),
    /** Pixels a side. */
    size: whole(32, 1024).default(96),
    /** Without any, `references` are drawn alone: nothing is of the picture world, or needs a classifier. */
    splits: different(oneOf(splits)).default([...splits]),
    /** Each reference and each prompt has a subject of its own, of 69 in all. */
    styles: whole(2, 30).default(10),
    prompts: whole(1, 39).default(20),
    /** Pictures of each style and prompt. */
    seeds: whole(1, 100).default(4),
    /** The same of every variant but the full one. */
    yardstickSeeds: whole(1, 100).default(2),
    variants: different(oneOf(modelVariants))
      .min(1, { error: 'at least one' })
      .default([
        ...(['full', 'without style-enhanced tokens'] as const),
        ...(['without style tokens', 'shuffled reference'] as const),
      ]),
    /** Pictures that are drawn at once. */
    batch: whole(1, 4096).default(64),
    /** For keys and values of these: what does not fit waits. */
    cacheGb: real(0.001, 1000).default(0.5),
    /** Needed where there are splits. */
    classifier: objectOf({
      /** Trained and written when it is not there. */
      weights: pathIn(folder),
      pictures: whole(64, 1e7).default(24_000),
      epochs: real(0.001, 1e4).default(5),
      batchSize: whole(1, 4096).default(64),
      rate: real(0, 1).default(3e-3),
      seed: whole(0, 2 ** 52).default(1),
    }).optional(),
    /** A folder of both towers of CLIP; without it there are no similarities of CLIP. */
    clip: pathIn(folder).optional(),
    /** Held-out drawings of each kind that go through the VQGAN; 0 for none, as it is without splits. */
    reconstructions: whole(0, 100_000).optional(),
    /**
     * Pictures from outside whose style is taken. The full variant is drawn, and of `variants` those
     * without style tokens and with a shuffled reference.
     */
    references: different(pathIn(folder)).default([]),
    /** What is drawn in their style: so many of the prompts above, or prompts of one's own. */
    referencePrompts: z
      .union([whole(1, 39), promptList], {
        error: 'a whole number in [1, 39] or a list of prompts',
      })
      .default(8),
    /** Pictures of each reference and prompt, in every variant. */
    referenceSeeds: whole(1, 100).default(1),
  });

const schemaIn = (folder: string) =>
  keysIn(folder)
    .refine(({ splits, references }) => splits.length + references.length > 0, {
      path: ['references'],
      error: 'at least one where there are no splits',
    })
    .refine(({ splits, classifier }) => splits.length === 0 || classifier !== undefined, {
      path: ['classifier'],
      error: 'an object where there are splits',
    })
    .refine(({ splits, reconstructions = 0 }) => splits.length > 0 || reconstructions === 0, {
      path: ['reconstructions'],
      error: '0 where there are no splits',
    })
    .transform((config) => ({
      ...config,
      reconstructions: config.reconstructions ?? (config.splits.length > 0 ? reconstructions : 0),
    }));

/** A config with every default in it; its paths are absolute. */
export type EvaluateConfig = z.output<ReturnType<typeof schemaIn>>;

/**
 * The config of a JSON file; paths in it are relative to its folder.
 *
 * Throws `ERR_INPUT` for what is missing, out of bounds or not known.
 */
export const readEvaluateConfig = (file: string): EvaluateConfig => readJsonConfig(file, schemaIn);

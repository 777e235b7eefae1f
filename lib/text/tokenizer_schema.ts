// What a tokenizer.json may say, in the form of the `tokenizers` library, version 1.0. Only what is
// known to mean the same here as there is let in: a component, an option or a pattern beyond that is
// refused, never skipped. Messages say what a value must be.
import { z } from 'zod';
import { clipWords, knownPatterns, whiteSpace } from './split_pattern.ts';

/** Longest name of a token, in UTF-16 units. */
export const maxName = 1024;

const only = <const Value extends string | boolean | number | null>(...values: Value[]) =>
  z.literal(values, { error: values.map((value) => JSON.stringify(value)).join(' or ') });

const flag = () => z.boolean({ error: 'true or false' });

const text = (least: number, most: number) => {
  const error = `a string of ${least} to ${most} characters`;
  return z.string({ error }).min(least, { error }).max(most, { error });
};

const listOf = <Item extends z.ZodType>(item: Item) => z.array(item, { error: 'an array' });

const objectOf = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: ({ code, keys }) =>
      code === 'unrecognized_keys' ? `without ${(keys as string[]).join(', ')}` : 'an object',
  });

/** What is sought: a string as it is, or one of a few regular expressions. */
const patternOf = (known: ReadonlySet<string>) =>
  z.union(
    [
      objectOf({
        Regex: z.string().refine((regex) => known.has(regex), { error: 'one that is known' }),
      }),
      objectOf({ String: text(1, maxName) }),
    ],
    { error: 'an object with a String or a Regex' },
  );

const byteLevel = objectOf({
  type: only('ByteLevel'),
  add_prefix_space: only(false).default(false),
  trim_offsets: flag().default(true),
  use_regex: flag().default(true),
});

const normalizers = [
  objectOf({ type: only('NFC') }),
  objectOf({ type: only('Lowercase') }),
  objectOf({
    type: only('Replace'),
    pattern: patternOf(new Set([whiteSpace])),
    content: text(0, 16),
  }),
] as const;
const normalizerError = 'NFC, Lowercase, Replace or a Sequence of them';
const normalizer = z.discriminatedUnion('type', normalizers, { error: normalizerError });

const split = objectOf({
  type: only('Split'),
  pattern: patternOf(knownPatterns),
  behavior: only('Isolated', 'Removed'),
  invert: flag(),
}).refine(
  ({ pattern, behavior, invert }) =>
    behavior === 'Isolated'
      ? !invert
      : // What does not match is left out: white space alone, where these are the matches.
        invert && 'Regex' in pattern && pattern.Regex === clipWords,
  { error: 'Isolated and not inverted, or by the words of CLIP, Removed and inverted' },
);

const preTokenizers = [
  split,
  objectOf({ type: only('Digits'), individual_digits: flag() }),
  objectOf({
    type: only('Punctuation'),
    behavior: only('Isolated', 'Contiguous').default('Isolated'),
  }),
  byteLevel,
] as const;
const preTokenizerError = 'Split, Digits, Punctuation, ByteLevel or a Sequence of them';
const preTokenizer = z.discriminatedUnion('type', preTokenizers, { error: preTokenizerError });

/** What it puts around a text is put there by whoever encodes, so that it is not run. */
const postProcessor = z.looseObject(
  { type: only('ByteLevel', 'RobertaProcessing', 'TemplateProcessing', 'Sequence') },
  { error: 'an object' },
);

/** Whoever decodes puts bytes together, which is what it says, and what is meant where it is not there. */
const decoder = z.discriminatedUnion(
  'type',
  [byteLevel, objectOf({ type: only('Sequence'), decoders: listOf(byteLevel) })],
  { error: 'ByteLevel or a Sequence of it' },
);

const addedToken = objectOf({
  id: z.int({ error: 'a whole number' }).min(0, { error: 'a whole number from 0' }),
  content: text(1, maxName),
  single_word: only(false).default(false),
  lstrip: flag().default(false),
  rstrip: flag().default(false),
  normalized: flag().default(true),
  special: flag().default(false),
});

const model = objectOf({
  type: only('BPE'),
  dropout: only(null, 0).default(null),
  unk_token: text(0, maxName).nullable().default(null),
  continuing_subword_prefix: only(null, '').default(null),
  end_of_word_suffix: text(0, 16).nullable().default(null),
  fuse_unk: flag().default(false),
  byte_fallback: only(false).default(false),
  ignore_merges: flag().default(false),
  // Long, and checked beside each other.
  vocab: z.unknown().optional(),
  merges: z.unknown().optional(),
});

/** A tokenizer.json of known components, apart from its vocabulary and merges. */
export const tokenizerSchema = objectOf({
  version: only('1.0').default('1.0'),
  // Whoever encodes cuts and pads.
  truncation: z.unknown().optional(),
  padding: z.unknown().optional(),
  added_tokens: listOf(addedToken).default([]),
  normalizer: z
    .discriminatedUnion(
      'type',
      [...normalizers, objectOf({ type: only('Sequence'), normalizers: listOf(normalizer) })],
      { error: normalizerError },
    )
    .nullable()
    .default(null),
  pre_tokenizer: z.discriminatedUnion(
    'type',
    [...preTokenizers, objectOf({ type: only('Sequence'), pretokenizers: listOf(preTokenizer) })],
    { error: preTokenizerError },
  ),
  post_processor: postProcessor.nullable().default(null),
  decoder: decoder.nullable().default(null),
  model,
});

/** A token that is found in a text before it is split, as a tokenizer.json describes it. */
export type AddedToken = z.infer<typeof addedToken>;
/** What is done to a text first: `NFC`, `Lowercase` or `Replace`. */
export type Normalizer = z.infer<typeof normalizer>;
/** How a text is split into words: `Split`, `Digits`, `Punctuation` or `ByteLevel`. */
export type PreTokenizer = z.infer<typeof preTokenizer>;

import { z } from 'zod';
import { Tokenizer } from '../text/tokenizer.ts';
import { chameleonLayout, type Vocabulary, vocabularyOf } from '../text/vocabulary.ts';
import { type Check, compareExactly, type Verifier } from './check.ts';
import type { Fixture } from './fixture.ts';

/** Ids and texts of strings, special ids, and which code each id of the image tokens is. */
export const verifyTokenizer: Verifier = async function* (fixture) {
  const tokenizer = openTokenizer(fixture);
  yield* checkStrings(fixture, tokenizer);
  yield* checkOriginal(fixture, tokenizer);
  yield* checkSpecialIds(fixture, vocabularyOf(tokenizer.ids, chameleonLayout));
  yield* checkCodes(fixture, 'image_codes.safetensors', tokenizer.ids);
  const shuffled = z.record(z.string(), z.int()).parse(fixture.json('shuffled_vocab.json'));
  const ids = new Map([...tokenizer.ids, ...Object.entries(shuffled)]);
  yield* checkCodes(fixture, 'shuffled_image_codes.safetensors', ids);
};

const openTokenizer = (fixture: Fixture) =>
  Tokenizer.open(fixture.path('hf', 'tokenizer.json'), { appended: ['<|image|>'] });

const stringsSchema = z.object({
  vocab_size_before_adding: z.int(),
  image_symbol_id: z.int(),
  bos_id: z.int(),
  eos_id: z.int(),
  strings: z.array(
    z.object({
      text: z.string(),
      ids: z.array(z.int()),
      decoded: z.string(),
      tokens: z.array(z.string()).optional(),
      /** Of the same text behind another: a tokenizer that puts spaces before texts would differ. */
      ids_wo_prefix_space: z.array(z.int()).optional(),
    }),
  ),
});

function* checkStrings(fixture: Fixture, tokenizer: Tokenizer): Generator<Check> {
  const file = 'strings.json';
  const want = stringsSchema.parse(fixture.json(file));
  const idOf = (name: string) => tokenizer.ids.get(name);
  yield compareExactly(
    `${file}:special ids`,
    [tokenizer.size - 1, idOf('<|image|>'), idOf('<s>'), idOf('</s>')],
    [want.vocab_size_before_adding, want.image_symbol_id, want.bos_id, want.eos_id],
  );
  for (const [i, { text, ids, decoded, tokens, ids_wo_prefix_space }] of want.strings.entries()) {
    const got = tokenizer.encodeWithSpecial(text);
    yield compareExactly(`${file}:${i}.ids`, got, ids);
    if (ids_wo_prefix_space)
      yield compareExactly(`${file}:${i}.ids_wo_prefix_space`, got, ids_wo_prefix_space);
    if (tokens)
      yield compareExactly(
        `${file}:${i}.tokens`,
        ids.map((id) => tokenizer.nameOf(id)),
        tokens,
      );
    yield compareExactly(`${file}:${i}.decoded`, tokenizer.decode(ids), decoded);
  }
}

/** Meta's own file has fewer added tokens; a text that names none is the same to both. */
function* checkOriginal(fixture: Fixture, tokenizer: Tokenizer): Generator<Check> {
  const file = 'chameleon/tokenizer/text_tokenizer.json';
  const original = Tokenizer.open(fixture.path(file));
  const { strings } = stringsSchema.parse(fixture.json('strings.json'));
  for (const [i, { text, ids }] of strings.entries()) {
    const names = ids.some((id) => tokenizer.isSpecial(id));
    if (!names) yield compareExactly(`${file}:${i}.ids`, original.encodeWithSpecial(text), ids);
  }
}

const specialSchema = z.object({
  begin_sequence: z.int(),
  begin_image: z.int(),
  end_image: z.int(),
  end_turn: z.int(),
  n_image_tokens: z.int(),
  new_line: z.int(),
  grid_token_of_1: z.int(),
  style_placeholder: z.int(),
});

function* checkSpecialIds(fixture: Fixture, vocabulary: Vocabulary): Generator<Check> {
  const file = 'special_ids.json';
  const got: z.infer<typeof specialSchema> = {
    begin_sequence: vocabulary.begin ?? -1,
    begin_image: vocabulary.imageStart,
    end_image: vocabulary.imageEnd,
    end_turn: vocabulary.stop,
    n_image_tokens: vocabulary.codeIds.length,
    new_line: vocabulary.newLine,
    grid_token_of_1: vocabulary.grid + 1,
    style_placeholder: vocabulary.stylePlaceholder ?? -1,
  };
  const want = specialSchema.parse(fixture.json(file));
  for (const key of Object.keys(got) as (keyof typeof got)[])
    yield compareExactly(`${file}:${key}`, got[key], want[key]);
}

/**
 * The tables by which pictures become tokens and tokens pictures. A third one that the file has, what
 * `convert_bpe2img` gives, is used by no one: it takes the order of ids for that of codes.
 */
function* checkCodes(
  fixture: Fixture,
  file: string,
  ids: ReadonlyMap<string, number>,
): Generator<Check> {
  const { codeIds, codesById } = vocabularyOf(ids, chameleonLayout);
  for (const [name, got] of [
    ['code_to_id', codeIds],
    ['id_minus_4_to_code', codesById],
  ] as const)
    yield compareExactly(`${file}:${name}`, got, fixture.tensor(file, name).values);
}

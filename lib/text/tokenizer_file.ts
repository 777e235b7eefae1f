// tokenizer.json, read strictly: these files come from anywhere, and the library that runs them
// believes them.
import { StylearError } from '../error.ts';
import { type ByteSource, isCount, quoted, readingFile } from '../weights/byte_source.ts';
import { type Json, type JsonObject, parseJsonObject } from '../weights/strict_json.ts';
import { byteCharacters } from './byte_alphabet.ts';
import { imageSymbol } from './prompt_template.ts';
import {
  type AddedToken,
  maxName,
  type Normalizer,
  type PreTokenizer,
  tokenizerSchema,
} from './tokenizer_schema.ts';

const maxBytes = 64 * 2 ** 20;

/** What a tokenizer.json says. */
export interface TokenizerFile {
  readonly path: string;
  readonly normalizers: readonly Normalizer[];
  readonly preTokenizers: readonly PreTokenizer[];
  /** Those that are found in a text before it is split into words. */
  readonly addedTokens: readonly AddedToken[];
  /** The id of each name, added tokens among them. */
  readonly ids: ReadonlyMap<string, number>;
  /** Pairs of names that become one, the most urgent first. */
  readonly merges: readonly (readonly [string, string])[];
  readonly unknown: string | null;
  readonly endOfWord: string;
  /** Whether a word that is a name is not looked into. */
  readonly ignoreMerges: boolean;
}

/** How large a vocabulary may be. */
export interface TokenizerFileOptions {
  /** Ids are below this; 65,536 unless told. */
  readonly maxTokens?: number | undefined;
}

/**
 * Reads a tokenizer.json: byte-level BPE of known components.
 *
 * @throws `ERR_INPUT` naming the place in the file
 */
export function readTokenizerFile(path: string, options?: TokenizerFileOptions): TokenizerFile {
  return asInput(() => readingFile(path, (source) => parseTokenizerFile(source, options)));
}

/** As `readTokenizerFile`, of bytes. */
export function parseTokenizerFile(
  source: ByteSource,
  options: TokenizerFileOptions = {},
): TokenizerFile {
  return tokenizerFileOf(parseInputJson(source), source.path, options);
}

/** JSON of a file of at most 64 MiB; what is wrong with it is `ERR_INPUT`. */
export function parseInputJson(source: ByteSource): JsonObject {
  requireFits(source);
  return asInput(() => parseJsonObject(source, 'the file', 0, source.bytes));
}

/** Throws `ERR_INPUT` for more than 64 MiB. */
export function requireFits({ path, bytes }: ByteSource): void {
  if (bytes > maxBytes) throw inputError(path, 'the file', `at most ${maxBytes} bytes`, `${bytes}`);
}

/** As `readTokenizerFile`, of JSON. */
export function tokenizerFileOf(
  json: JsonObject,
  path: string,
  { maxTokens = 65_536 }: TokenizerFileOptions = {},
): TokenizerFile {
  const value = plain(json);
  const parsed = tokenizerSchema.safeParse(value);
  if (!parsed.success) {
    const { path: keys, message } = parsed.error.issues[0]!;
    throw inputError(path, placeOf(keys), message, shown(valueAt(value, keys)));
  }
  const { model, normalizer, pre_tokenizer, added_tokens } = parsed.data;
  const ids = idsOf(model.vocab, path, maxTokens);
  const merges = mergesOf(model.merges, ids, path);
  const endOfWord = model.end_of_word_suffix ?? '';
  requireBytes(ids, endOfWord, path);
  requireName(ids, model.unk_token, path);
  const addedTokens = added_tokens.filter((token) => !isBeyondModel(token, maxTokens));
  addTokens(ids, addedTokens, path, maxTokens);
  const preTokenizers =
    pre_tokenizer.type === 'Sequence' ? pre_tokenizer.pretokenizers : [pre_tokenizer];
  if (preTokenizers.at(-1)?.type !== 'ByteLevel') {
    const got = quoted(preTokenizers.at(-1)?.type ?? 'nothing');
    throw inputError(path, 'the last of pre_tokenizer', 'ByteLevel', got);
  }
  return {
    path,
    normalizers:
      normalizer === null
        ? []
        : normalizer.type === 'Sequence'
          ? normalizer.normalizers
          : [normalizer],
    preTokenizers,
    addedTokens,
    ids,
    merges,
    unknown: model.unk_token,
    endOfWord,
    ignoreMerges: model.ignore_merges,
  };
}

function idsOf(vocab: unknown, path: string, maxTokens: number): Map<string, number> {
  if (!(vocab instanceof Map)) throw inputError(path, 'model.vocab', 'an object', shown(vocab));
  const names = new Map<number, string>();
  for (const [name, id] of vocab as ReadonlyMap<string, unknown>) {
    const where = `model.vocab[${quoted(name)}]`;
    if (name.length > maxName)
      throw inputError(path, where, `of at most ${maxName} characters`, `${name.length}`);
    if (!isCount(id) || id >= maxTokens)
      throw inputError(path, where, `a whole number below ${maxTokens}`, shown(id));
    const other = names.get(id);
    if (other !== undefined)
      throw inputError(path, where, 'an id of its own', `${id}, which ${quoted(other)} has`);
    names.set(id, name);
  }
  return vocab as Map<string, number>;
}

function mergesOf(
  merges: unknown,
  ids: ReadonlyMap<string, number>,
  path: string,
): (readonly [string, string])[] {
  if (!Array.isArray(merges)) throw inputError(path, 'model.merges', 'an array', shown(merges));
  return merges.map((merge: unknown, i) => {
    const pair = typeof merge === 'string' ? merge.split(' ') : merge;
    const [first, second, ...rest] = Array.isArray(pair) ? pair : [];
    const where = `model.merges[${i}]`;
    if (typeof first !== 'string' || typeof second !== 'string' || rest.length > 0)
      throw inputError(path, where, 'two names', shown(merge));
    for (const name of [first, second, first + second])
      if (name === '' || !ids.has(name))
        throw inputError(path, where, 'of names in model.vocab', quoted(name));
    return [first, second];
  });
}

/** Without one of them, text would vanish. */
function requireBytes(ids: ReadonlyMap<string, number>, endOfWord: string, path: string): void {
  for (const character of byteCharacters)
    for (const name of [character, character + endOfWord])
      if (!ids.has(name))
        throw inputError(path, 'model.vocab', `all bytes, ${quoted(name)} too`, 'none of it');
}

function requireName(ids: ReadonlyMap<string, number>, name: string | null, path: string): void {
  if (name !== null && !ids.has(name))
    throw inputError(path, 'model.unk_token', 'a name in model.vocab', quoted(name));
}

/**
 * Whether it is what the processor of the reference appends where a vocabulary ends, and files that it
 * saved have. No embedding is its, so that it is left out: in a text it is the characters of its name.
 */
const isBeyondModel = ({ content, id }: AddedToken, maxTokens: number): boolean =>
  content === imageSymbol && id === maxTokens;

function addTokens(
  ids: Map<string, number>,
  added: readonly AddedToken[],
  path: string,
  maxTokens: number,
): void {
  const taken = new Set(ids.values());
  const seen = new Set<string>();
  added.forEach(({ content, id }, i) => {
    const where = `added_tokens[${i}]`;
    const known = ids.get(content);
    if (id >= maxTokens) throw inputError(path, `${where}.id`, `below ${maxTokens}`, `${id}`);
    if (seen.has(content))
      throw inputError(path, `${where}.content`, 'of one added token', `${quoted(content)} again`);
    if (known === undefined && taken.has(id))
      throw inputError(path, `${where}.id`, 'an id of its own', `${id}, which another name has`);
    if (known !== undefined && known !== id)
      throw inputError(path, `${where}.id`, `${known} as in model.vocab`, `${id}`);
    seen.add(content);
    taken.add(id);
    ids.set(content, id);
  });
}

/** JSON with objects of JavaScript, but `model.vocab`, whose keys are names of tokens. */
function plain(json: Json, at = ''): unknown {
  if (json instanceof Map && at !== '.model.vocab')
    return Object.fromEntries([...json].map(([key, value]) => [key, plain(value, `${at}.${key}`)]));
  if (Array.isArray(json) && at !== '.model.merges')
    return json.map((value: Json) => plain(value, `${at}[]`));
  return json;
}

/** `added_tokens[3].id` */
function placeOf(keys: readonly PropertyKey[]): string {
  const place = keys.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
  return place.join('').replace(/^\./, '') || 'it';
}

const valueAt = (value: unknown, keys: readonly PropertyKey[]): unknown =>
  keys.reduce<unknown>((inner, key) => Object(inner)[key], value);

/** A value of a file for a message. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value instanceof Map) return 'an object';
  const json = JSON.stringify(value);
  return json.length > 80 ? `${json.slice(0, 77)}...` : json;
}

/** `<path>: expected <where> to be <expected>, got <got>`, of a file that is not as it has to be. */
export function inputError(
  path: string,
  where: string,
  expected: string,
  got: string,
): StylearError {
  const message = `${path}: expected ${where} to be ${expected}, got ${got}`;
  return new StylearError('ERR_INPUT', message);
}

/** Runs what reads a file by way of the weights' room, whose failures are `ERR_WEIGHTS`. */
export function asInput<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof StylearError) || error.code !== 'ERR_WEIGHTS') throw error;
    throw new StylearError('ERR_INPUT', error.message, { cause: error });
  }
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StylearError } from '../error.ts';
import { openFile } from '../weights/byte_source.ts';
import type { Json } from '../weights/strict_json.ts';
import { clipWords, whiteSpace } from './split_pattern.ts';
import { Tokenizer } from './tokenizer.ts';
import {
  asInput,
  inputError,
  parseInputJson,
  requireFits,
  tokenizerFileOf,
} from './tokenizer_file.ts';

const begin = '<|startoftext|>';
const end = '<|endoftext|>';

/** The tokenizer of CLIP's text tower: 49,408 tokens, lower case, words that know their end. */
export class ClipTokenizer {
  private readonly tokenizer: Tokenizer;
  private readonly begin: number;
  /** Also what is put behind a text to fill its place. */
  readonly end: number;

  constructor(tokenizer: Tokenizer, path: string) {
    const idOf = (name: string): number => {
      const id = tokenizer.ids.get(name);
      if (id === undefined) throw inputError(path, 'it', `a tokenizer with ${name}`, 'none');
      return id;
    };
    this.tokenizer = tokenizer;
    this.begin = idOf(begin);
    this.end = idOf(end);
  }

  /**
   * The tokenizer of a folder with `tokenizer.json`, or with `vocab.json` and `merges.txt`.
   *
   * @throws `ERR_INPUT` when it has neither, or another kind of them
   */
  static open(folder: string): ClipTokenizer {
    const path = join(folder, 'tokenizer.json');
    if (existsSync(path)) return new ClipTokenizer(Tokenizer.open(path), path);
    if (existsSync(join(folder, 'vocab.json')) || existsSync(join(folder, 'merges.txt')))
      return new ClipTokenizer(openVocabAndMerges(folder), folder);
    const files = 'tokenizer.json, or vocab.json and merges.txt';
    throw new StylearError(
      'ERR_INPUT',
      `${folder}: expected the folder to have ${files}, got neither`,
    );
  }

  /**
   * A text between its begin and its end, cut or filled to `[length]`.
   *
   * @param text    nothing but text, whatever is written in it
   * @param length  77, the positions of the released towers, unless told
   */
  encode(text: string, length = 77): Int32Array {
    const ids = this.tokenizer.encode(text).slice(0, length - 2);
    const whole = new Int32Array(length).fill(this.end);
    whole.set([this.begin, ...ids]);
    return whole;
  }
}

function openVocabAndMerges(folder: string): Tokenizer {
  const path = join(folder, 'vocab.json');
  const [vocab, merges] = asInput(() => {
    using vocabFile = openFile(path);
    using mergesFile = openFile(join(folder, 'merges.txt'));
    requireFits(mergesFile);
    const text = mergesFile.read(0, mergesFile.bytes).toString('utf8');
    return [parseInputJson(vocabFile), mergesOf(text)] as const;
  });
  const object = (entries: Readonly<Record<string, Json>>) => new Map(Object.entries(entries));
  const type = (name: string) => object({ type: name });
  const added = [begin, end].map((content) =>
    object({ id: vocab.get(content) ?? null, content, normalized: false, special: true }),
  );
  const json = object({
    added_tokens: added,
    normalizer: object({
      type: 'Sequence',
      normalizers: [
        type('NFC'),
        object({ type: 'Replace', pattern: object({ Regex: whiteSpace }), content: ' ' }),
        type('Lowercase'),
      ],
    }),
    pre_tokenizer: object({
      type: 'Sequence',
      pretokenizers: [
        object({
          type: 'Split',
          pattern: object({ Regex: clipWords }),
          behavior: 'Removed',
          invert: true,
        }),
        type('ByteLevel'),
      ],
    }),
    decoder: type('ByteLevel'),
    model: object({ type: 'BPE', unk_token: end, end_of_word_suffix: '</w>', vocab, merges }),
  });
  return new Tokenizer(tokenizerFileOf(json, path));
}

/** A line for each pair of names, after one that says which version this is. */
function mergesOf(text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines[0]?.startsWith('#version') ? lines.slice(1) : lines;
}

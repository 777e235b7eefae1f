import { Tokenizer as Bpe } from '@huggingface/tokenizers';
import type { ByteSource } from '../weights/byte_source.ts';
import { AddedTokenSplitter } from './added_token_splitter.ts';
import { byteCharacters, bytesOfToken } from './byte_alphabet.ts';
import { digit, gpt2Words, punctuationSign } from './split_pattern.ts';
import {
  inputError,
  parseTokenizerFile,
  readTokenizerFile,
  type TokenizerFile,
  type TokenizerFileOptions,
} from './tokenizer_file.ts';
import type { Normalizer, PreTokenizer } from './tokenizer_schema.ts';

/** What a tokenizer has beside its file. */
export interface TokenizerOptions extends TokenizerFileOptions {
  /** Names of special tokens to add after those of the file, as the reference adds `<|image|>`. */
  readonly appended?: readonly string[] | undefined;
}

/**
 * A byte-level BPE tokenizer from a tokenizer.json.
 *
 * Its special tokens are the added tokens of the file and all that are named as Chameleon names
 * tokens that are no text: `IMGIMG...Z`, `<racm3:break>`, `<eoss>`, `<reservedNNNNN>`, `<sentinel:N>`.
 * What comes from a user goes through `encode`, which never gives one.
 */
export class Tokenizer {
  /** The id of each name. */
  readonly ids: ReadonlyMap<string, number>;
  /** One more than the largest id. */
  readonly size: number;
  private readonly names: readonly (string | undefined)[];
  private readonly special: ReadonlySet<string>;
  private readonly normalizers: readonly Normalizer[];
  private readonly endOfWord: string;
  private readonly splitter: AddedTokenSplitter;
  private readonly ordinary: Bpe;
  private readonly whole: Bpe;

  constructor(file: TokenizerFile, { appended = [] }: TokenizerOptions = {}) {
    const ids = new Map(file.ids);
    let size = [...ids.values()].reduce((most, id) => Math.max(most, id), -1) + 1;
    const added = [...file.addedTokens];
    for (const content of appended) {
      if (ids.has(content))
        throw inputError(file.path, 'it', `without ${content}, to add it`, 'one that has it');
      added.push({ ...appendedToken, content, id: size });
      ids.set(content, size++);
    }
    const names: (string | undefined)[] = new Array(size);
    for (const [name, id] of ids) names[id] = name;
    this.ids = ids;
    this.size = size;
    this.names = names;
    this.normalizers = file.normalizers;
    this.endOfWord = file.endOfWord;
    this.special = specialNames(file, added);
    this.splitter = new AddedTokenSplitter(added, (text) => this.normalise(text));
    this.whole = engineOf(file);
    this.ordinary = writesAny(file, this.special)
      ? engineOf(withoutNames(file, this.special))
      : this.whole;
  }

  /** Throws `ERR_INPUT` for a file that is not a tokenizer.json of known components. */
  static open(path: string, options: TokenizerOptions = {}): Tokenizer {
    return new Tokenizer(readTokenizerFile(path, options), options);
  }

  /** As `open`, of bytes. */
  static read(source: ByteSource, options: TokenizerOptions = {}): Tokenizer {
    return new Tokenizer(parseTokenizerFile(source, options), options);
  }

  /**
   * The ids of a text that is only text: names of special tokens in it are the characters that they
   * are written with. `<racm3:break>`, `<reserved08706>` and `<|image|>` become signs, letters and
   * digits, and so does `IMGIMGBCDZ`, in files too whose merges or added tokens would make one token
   * of them. Halves of surrogate pairs become U+FFFD.
   */
  encode(text: string): number[] {
    const { ids } = this.ordinary.encode(this.normalise(text), { add_special_tokens: false });
    return ids;
  }

  /**
   * The ids of a text in which names of added tokens are these tokens: what the library calls
   * `encode` with `add_special_tokens=False`, and the reference uses for everything. For texts of the
   * caller's own.
   */
  encodeWithSpecial(text: string): number[] {
    return this.splitter
      .split(text)
      .flatMap((piece) =>
        typeof piece === 'number'
          ? [piece]
          : this.whole.encode(piece, { add_special_tokens: false }).ids,
      );
  }

  /**
   * The text of ids. Special tokens are their names; bytes that are no UTF-8, and ids without a name,
   * are U+FFFD; where the vocabulary knows the end of a word, there is a space.
   */
  decode(ids: Iterable<number>): string {
    const tokens = Array.from(ids, (id) => this.bytesOf(this.names[id] ?? '\ufffd'));
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(tokens));
  }

  nameOf(id: number): string | undefined {
    return this.names[id];
  }

  /** Whether ordinary text never gives this id. */
  isSpecial(id: number): boolean {
    const name = this.names[id];
    return name !== undefined && this.special.has(name);
  }

  private bytesOf(name: string): Uint8Array {
    const ends = this.endOfWord !== '' && name.endsWith(this.endOfWord);
    return bytesOfToken(
      ends ? `${name.slice(0, -this.endOfWord.length)}${byteCharacters[0x20]}` : name,
    );
  }

  private normalise(text: string): string {
    return this.normalizers.reduce(normalise, text);
  }
}

const appendedToken = {
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
} as const;

/** Names that Chameleon's vocabulary gives to tokens that are no text. */
const noText = /^(?:IMGIMG[A-J]+Z|<(?:eoss|racm3:break|reserved\d+|sentinel:\d+)>)$/;

function specialNames(
  file: TokenizerFile,
  added: readonly { readonly content: string }[],
): ReadonlySet<string> {
  const special = new Set(added.map(({ content }) => content));
  for (const name of file.ids.keys()) if (noText.test(name)) special.add(name);
  // Without these, text would vanish.
  for (const character of byteCharacters) {
    special.delete(character);
    special.delete(character + file.endOfWord);
  }
  return special;
}

/** Whether words can become one of these names. */
const writesAny = (file: TokenizerFile, names: ReadonlySet<string>): boolean =>
  file.ignoreMerges || file.merges.some(([first, second]) => names.has(first + second));

function withoutNames(file: TokenizerFile, names: ReadonlySet<string>): TokenizerFile {
  const writes = (merge: readonly [string, string]) =>
    [merge[0], merge[1], merge[0] + merge[1]].some((name) => names.has(name));
  return {
    ...file,
    ids: new Map([...file.ids].filter(([name]) => !names.has(name))),
    merges: file.merges.filter((merge) => !writes(merge)),
  };
}

/** What runs the words: splitting, bytes and merges, without normalizers and added tokens. */
function engineOf(file: TokenizerFile): Bpe {
  const tokenizer = {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: file.preTokenizers.flatMap(asSplits) },
    post_processor: null,
    decoder: null,
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(file.ids),
      merges: file.merges,
      unk_token: file.unknown,
      end_of_word_suffix: file.endOfWord || null,
      ignore_merges: file.ignoreMerges,
    },
  };
  return new Bpe(tokenizer, {});
}

/**
 * A pre-tokenizer by what its namesake in the `tokenizers` library does. That of JavaScript joins
 * signs that Punctuation parts, knows the digits of ASCII alone, and takes U+FEFF for a space.
 */
function asSplits(component: PreTokenizer): readonly object[] {
  const split = (Regex: string) => ({
    type: 'Split',
    pattern: { Regex },
    behavior: 'Isolated',
    invert: false,
  });
  switch (component.type) {
    case 'Split':
      return [component];
    case 'Digits':
      return [split(component.individual_digits ? digit : `${digit}+`)];
    case 'Punctuation':
      return [split(component.behavior === 'Isolated' ? punctuationSign : `${punctuationSign}+`)];
    case 'ByteLevel':
      return [
        ...(component.use_regex ? [split(gpt2Words)] : []),
        { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
      ];
  }
}

function normalise(text: string, component: Normalizer): string {
  switch (component.type) {
    case 'NFC':
      return text.normalize('NFC');
    case 'Lowercase':
      // Letter by letter: a sigma at the end of a word is no other sigma there.
      return Array.from(text, (letter) => letter.toLowerCase()).join('');
    case 'Replace': {
      const { pattern, content } = component;
      // White space is the one regular expression there is; `\s` of JavaScript is another set.
      const sought = 'Regex' in pattern ? /\p{White_Space}+/gu : pattern.String;
      return text.replaceAll(sought, () => content);
    }
  }
}

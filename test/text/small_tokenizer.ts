// Tokenizers made for tests: few merges, but across every boundary that a pre-tokenizer may set, so
// that a boundary in the wrong place shows in the ids.
import { byteCharacters } from '../../lib/text/byte_alphabet.ts';
import { clipWords } from '../../lib/text/split_pattern.ts';

/** What shows where words are parted: signs, digits, spaces and letters of several scripts. */
const corpus = [
  "it's 12 o'clock, don't ''s SHE'LL we've 3.14 -- ** && !!? (x)  [y]\t\tend\r\n\n  next \u00a0\u2003\ufeffbom\u0085nel",
  '\u00bd\u00b2 \u0663\u0664 \u216b 123 4567 a1b2 \u4f60\u597d na\u00efve cafe\u0301 \ufb01 \u0130stanbul \u03a3\u03a3\u03a3 \ud83d\ude00\ud83d\ude00 zero\u200bwidth',
  'IMGIMGBCZ IMGIMGABCDZ IMGIMGJZ <sentinel:12> <reserved08706> <s>a</s> <|image|> S* S*. a * b ** c    d     e',
];

const pick = (list: readonly string[], below: (n: number) => number): string =>
  list[below(list.length)]!;

const pieces = [
  ...'etaoinshrdlu ETAOIN 0123456789 \t\n\r\'"*-_.,:;!?()[]{}<>|/\\@#$%^&+=~`',
  ...['  ', '    ', '\r\n', "'s", "'LL", ' S*', '\u00a0', '\u2003', '\ufeff', '\u0085', '\u200b'],
  ...['\u00bd', '\u00b2', '\u0663', '\u216b', '\u4f60', '\u00ef', 'e\u0301', '\ufb01', '\u0130'],
  ...['\u03a3', '\u03c2', '\ud83d\ude00', '\u0000', '\u{10ffff}', '\ufffd', '\u0e33', '\u1e9e'],
  ...[
    'IMGIMG',
    'BCZ',
    'JZ',
    '<s>',
    '<S>',
    '</s>',
    '<sentinel:',
    '<reserved08706>',
    '<image>',
    '<<s>>',
  ],
];

/** A text of up to 24 pieces that are hard on tokenizers. */
export function hardText(below: (n: number) => number): string {
  const words = corpus.flatMap((line) => line.split(' '));
  const piece = () => (below(3) > 0 ? pick(pieces, below) : pick(words, below));
  return Array.from({ length: below(25) }, piece).join('');
}

export interface SmallTokenizer {
  /** Names before those of the bytes. */
  readonly first?: readonly string[];
  readonly preTokenizers: readonly object[];
  readonly normalizer?: object | null;
  readonly addedTokens?: readonly object[];
  readonly endOfWord?: string;
  readonly ignoreMerges?: boolean;
  readonly merges?: number;
}

export const byteLevel = (useRegex: boolean) => ({
  ...{ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: useRegex },
});

export const split = (Regex: string) => ({
  ...{ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false },
});

export const clipSplit = {
  ...{ type: 'Split', pattern: { Regex: clipWords }, behavior: 'Removed', invert: true },
};

/** The content of a tokenizer.json, as an object. */
export function smallTokenizer(options: SmallTokenizer) {
  const { preTokenizers, normalizer = null, addedTokens = [], endOfWord = '' } = options;
  const bytes = [...byteCharacters].sort();
  const names = [...(options.first ?? []), ...bytes];
  if (endOfWord) names.push(...bytes.map((byte) => byte + endOfWord));
  const merges = learn(names, endOfWord, options.merges ?? 400);
  const vocab = Object.fromEntries(names.map((name, id): [string, number] => [name, id]));
  const model = {
    ...{ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null },
    ...{ end_of_word_suffix: endOfWord || null, fuse_unk: false, byte_fallback: false },
    ...{ ignore_merges: options.ignoreMerges ?? false, vocab, merges },
  };
  return {
    ...{ version: '1.0', truncation: null, padding: null },
    added_tokens: addedTokens.map((token, i) => ({ ...added(names.length + i), ...token })),
    ...{ normalizer, pre_tokenizer: { type: 'Sequence', pretokenizers: preTokenizers } },
    ...{ post_processor: null, decoder: byteLevel(true), model },
  };
}

const added = (id: number) => ({
  ...{ id, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
});

/** The names of Chameleon's vocabulary before the bytes, in order: 16,384 of them. */
export const chameleonNames: readonly string[] = [
  ...['<s>', '<pad>', '</s>', '<unk>'],
  ...Array.from({ length: 8192 }, (_, code) => {
    const letters = [...`${code}`].map((digit) => 'ABCDEFGHIJ'[Number(digit)]);
    return `IMGIMG${letters.join('')}Z`;
  }),
  ...['<eoss>', '<racm3:break>'],
  ...Array.from({ length: 8186 }, (_, i) => `<reserved${`${8194 + i}`.padStart(5, '0')}>`),
];

/** Chameleon's way with text. */
export const chameleonSplits: readonly object[] = [
  split('<sentinel:[0-9]+>'),
  split('(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z'),
  split('([\\t\\n]|    |  )'),
  { type: 'Digits', individual_digits: true },
  { type: 'Punctuation', behavior: 'Isolated' },
  byteLevel(true),
];

/** A tokenizer.json with the ids that Chameleon's has, but for its merges. */
export const chameleonTokenizer = () =>
  smallTokenizer({
    first: chameleonNames,
    preTokenizers: chameleonSplits,
    addedTokens: ['<s>', '<racm3:break>', '<reserved08706>'].map((content) => ({
      content,
      id: chameleonNames.indexOf(content),
    })),
  });

/** The most frequent pairs of the corpus become one, again and again, whatever stands between them. */
function learn(names: string[], endOfWord: string, count: number): string[] {
  const utf8 = new TextEncoder();
  const words = corpus.flatMap((line) => {
    const bytes = Array.from(utf8.encode(line), (byte) => byteCharacters[byte]!);
    if (endOfWord) bytes[bytes.length - 1] += endOfWord;
    return [bytes];
  });
  const merges: string[] = [];
  const known = new Set(names);
  while (merges.length < count) {
    const counts = new Map<string, number>();
    for (const word of words)
      for (let i = 1; i < word.length; i++) {
        const pair = `${word[i - 1]} ${word[i]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    const best = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0];
    if (!best) break;
    const [first, second] = best[0].split(' ') as [string, string];
    merges.push(best[0]);
    if (!known.has(first + second)) names.push(first + second);
    known.add(first + second);
    for (const word of words)
      for (let i = 1; i < word.length; i++)
        if (word[i - 1] === first && word[i] === second) word.splice(i - 1, 2, first + second);
  }
  return merges;
}

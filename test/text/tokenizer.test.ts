import { Tokenizer as Oracle } from 'tokenizers';
import { describe, expect, test } from 'vitest';
import { gpt2Words } from '../../lib/text/split_pattern.ts';
import { Tokenizer } from '../../lib/text/tokenizer.ts';
import { inMemory } from '../../lib/weights/byte_source.ts';
import { uniform } from '../support/numbers.ts';
import { processorMs } from '../support/processor_ms.ts';
import { golden, goldenJson, goldenPath } from './golden.ts';
import {
  byteLevel,
  chameleonSplits,
  chameleonTokenizer,
  clipSplit,
  hardText,
  type SmallTokenizer,
  smallTokenizer,
  split,
} from './small_tokenizer.ts';

const qwen2Words =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const kinds: Readonly<Record<string, SmallTokenizer>> = {
  chameleon: {
    preTokenizers: chameleonSplits,
    addedTokens: [
      { content: '<s>' },
      { content: '</s>' },
      { content: '<reserved08706>', rstrip: true },
      { content: '<image>', lstrip: true },
      { content: '<<s>>', normalized: true },
    ],
  },
  'digits and signs in runs': {
    preTokenizers: [
      { type: 'Digits', individual_digits: false },
      { type: 'Punctuation', behavior: 'Contiguous' },
      byteLevel(true),
    ],
  },
  'bytes alone': { preTokenizers: [byteLevel(false)] },
  gpt2: { preTokenizers: [split(gpt2Words), byteLevel(false)], ignoreMerges: true },
  qwen2: {
    normalizer: { type: 'NFC' },
    preTokenizers: [split(qwen2Words), byteLevel(false)],
    addedTokens: [{ content: '</s>', normalized: true }, { content: 's>' }, { content: 's><' }],
  },
  'numbers of up to three digits': {
    preTokenizers: [split(qwen2Words.replace('\\p{N}|', '\\p{N}{1,3}|')), byteLevel(false)],
  },
  'spaces made dots': {
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '.$&' },
    preTokenizers: [{ ...split(''), pattern: { String: '.*' } }, byteLevel(true)],
  },
  clip: {
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    preTokenizers: [clipSplit, byteLevel(true)],
    addedTokens: [{ content: '<s>', normalized: true }],
    endOfWord: '</w>',
  },
};

const read = (json: string) => Tokenizer.read(inMemory('tokenizer.json', Buffer.from(json)));

describe.each(Object.keys(kinds))('a tokenizer of %s', (kind) => {
  const { endOfWord = '' } = kinds[kind]!;
  const json = JSON.stringify(smallTokenizer(kinds[kind]!));
  const tokenizer = read(json);
  const next = uniform(1);
  const texts = Array.from({ length: 3000 }, () => hardText((n) => Math.floor(n * next())));

  test('gives the ids and texts of the Rust library, for 3,000 hard texts', async () => {
    const oracle = Oracle.fromString(json);
    const encodings = await oracle.encodeBatch(texts, { addSpecialTokens: false });
    const ids = encodings.map((encoding) => encoding.getIds());
    const decoded = await oracle.decodeBatch(ids, false);
    const theirs = texts.map((text, i) => [text, ids[i], decoded[i]]);
    const ours = texts.map((text, i) => [
      text,
      tokenizer.encodeWithSpecial(text),
      tokenizer.decode(ids[i]!),
    ]);
    if (endOfWord) for (const row of theirs) row[2] = `${row[2]}`.replaceAll(endOfWord, ' ');
    expect(ours.filter((row, i) => JSON.stringify(row) !== JSON.stringify(theirs[i]))).toEqual([]);
  });

  test('takes no special token from text that is only text', () => {
    const without = read(
      JSON.stringify(smallTokenizer({ ...kinds[kind]!, addedTokens: [], ignoreMerges: false })),
    );
    const text = '<s> </s><reserved08706>  <image> <<s>> IMGIMGBCZ IMGIMGJZ <sentinel:12>';
    expect(tokenizer.encode(text).filter((id) => tokenizer.isSpecial(id))).toEqual([]);
    expect(without.decode(tokenizer.encode(text)).replaceAll(' ', '')).toBe(
      without.decode(without.encode(text)).replaceAll(' ', ''),
    );
  });
});

describe('a tokenizer with Chameleon names', () => {
  const json = chameleonTokenizer();
  const tokenizer = read(JSON.stringify(json));

  test.each(['<racm3:break>', '<reserved08706>', '<|image|>', 'IMGIMGBCDZ', '<s>'])(
    'writes %s in a text letter by letter',
    (name) => {
      const ids = tokenizer.encode(`a ${name} b`);
      expect(ids.every((id) => id >= 16_384)).toBe(true);
      expect(tokenizer.decode(ids)).toBe(`a ${name} b`);
    },
  );

  test('knows names of added tokens where it is asked to', () => {
    expect(tokenizer.encodeWithSpecial('<racm3:break><reserved08706>')).toEqual([8197, 8710]);
  });

  test.each(['merges', 'whole words'])('writes no code from a text by its %s', (way) => {
    const { model } = json;
    const joins = ['I M', 'IM G', 'IMG IMG', 'IMGIMG B', 'IMGIMGB C', 'IMGIMGBC D', 'IMGIMGBCD Z'];
    const vocab: Record<string, number> = { ...model.vocab };
    for (const name of joins.map((join) => join.replace(' ', '')))
      vocab[name] ??= Object.keys(vocab).length;
    const changed =
      way === 'merges'
        ? { ...json, model: { ...model, vocab, merges: joins } }
        : { ...json, model: { ...model, ignore_merges: true } };
    const hostile = read(JSON.stringify(changed));
    expect(hostile.encodeWithSpecial('IMGIMGBCDZ')).toEqual([127]);
    const ids = hostile.encode('IMGIMGBCDZ');
    expect(ids.every((id) => id >= 16_384)).toBe(true);
    expect(hostile.decode(ids)).toBe('IMGIMGBCDZ');
  });

  test('appends tokens after its own', () => {
    const more = Tokenizer.read(inMemory('x', Buffer.from(JSON.stringify(json))), {
      appended: ['<|image|>'],
    });
    expect(more.size).toBe(tokenizer.size + 1);
    expect(more.encodeWithSpecial('<|image|>')).toEqual([tokenizer.size]);
    expect(more.decode([tokenizer.size])).toBe('<|image|>');
    expect(more.encode('<|image|>')).toEqual(tokenizer.encode('<|image|>'));
  });

  test('refuses to append what it has', () => {
    const source = inMemory('x.json', Buffer.from(JSON.stringify(json)));
    expect(() => Tokenizer.read(source, { appended: ['<s>'] })).toThrow(
      'x.json: expected it to be without <s>, to add it, got one that has it',
    );
  });

  test('writes U+FFFD for ids without a name and bytes that are no UTF-8', () => {
    const [first] = tokenizer.encode('\u{1f63a}');
    expect(tokenizer.decode([first!, 10 ** 6, 8197])).toBe('\ufffd\ufffd<racm3:break>');
  });

  test('writes U+FFFD for halves of surrogate pairs', () => {
    expect(tokenizer.decode(tokenizer.encode('a\ud800b'))).toBe('a\ufffdb');
  });

  test('knows each name by its id', () => {
    expect(tokenizer.nameOf(8197)).toBe('<racm3:break>');
    expect(tokenizer.nameOf(-1)).toBeUndefined();
  });

  test.each([
    ['one word', 'x'.repeat(5000)],
    ['spaces', `${' '.repeat(5000)}x`],
    ['lines', '\n \n'.repeat(1700)],
    ['begins of names', '<'.repeat(5000)],
    ['begins of codes', 'IMG'.repeat(1700)],
    ['begins of sentinels', '<sentinel:1'.repeat(450)],
    ['signs', '*-'.repeat(2500)],
    ['many bytes', '\u{1f600}'.repeat(1250)],
  ])('takes 5,000 characters of %s in 100 ms', (_, text) => {
    const time = () => {
      const begin = processorMs();
      tokenizer.encode(text);
      return processorMs() - begin;
    };
    // A collection of garbage may fall into one; what is slow is slow each time.
    expect(Math.min(...Array.from({ length: 5 }, time))).toBeLessThan(100);
    expect(tokenizer.encodeWithSpecial(text)).toEqual(tokenizer.encode(text));
  });
});

describe.skipIf(!golden)('of the golden fixtures', () => {
  const files = ['hf/tokenizer.json', 'chameleon/tokenizer/text_tokenizer.json'];
  const open = (file: string) =>
    Tokenizer.open(goldenPath('tokenizer', file), { appended: ['<|image|>'] });

  test('each string has its ids, its tokens and its text', () => {
    const tokenizer = open(files[0]!);
    const { strings, vocab_size_before_adding, image_symbol_id } = goldenJson(
      'tokenizer',
      'strings.json',
    );
    expect(tokenizer.ids.get('<|image|>')).toBe(image_symbol_id);
    expect(tokenizer.size).toBe(vocab_size_before_adding + 1);
    expect(strings.length).toBeGreaterThan(30);
    for (const { text, ids, decoded, tokens } of strings) {
      expect(tokenizer.encodeWithSpecial(text)).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(decoded);
      if (tokens) expect(ids.map((id: number) => tokenizer.nameOf(id))).toEqual(tokens);
    }
  });

  test.each(files)('%s gives the ids of the Rust library, for 3,000 hard texts', async (file) => {
    const tokenizer = Tokenizer.open(goldenPath('tokenizer', file));
    const oracle = Oracle.fromFile(goldenPath('tokenizer', file));
    const next = uniform(2);
    const texts = Array.from({ length: 3000 }, () => hardText((n) => Math.floor(n * next())));
    const encodings = await oracle.encodeBatch(texts, { addSpecialTokens: false });
    const theirs = encodings.map((encoding, i) => [texts[i], encoding.getIds()]);
    const ours = texts.map((text) => [text, tokenizer.encodeWithSpecial(text)]);
    expect(ours.filter((row, i) => JSON.stringify(row) !== JSON.stringify(theirs[i]))).toEqual([]);
  });
});

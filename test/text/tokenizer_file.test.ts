import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gpt2Words } from '../../lib/text/split_pattern.ts';
import { Tokenizer } from '../../lib/text/tokenizer.ts';
import { parseTokenizerFile, readTokenizerFile } from '../../lib/text/tokenizer_file.ts';
import { inMemory } from '../../lib/weights/byte_source.ts';
import { byteLevel, clipSplit, smallTokenizer, split } from './small_tokenizer.ts';

const whole = smallTokenizer({
  preTokenizers: [
    { type: 'Digits', individual_digits: true },
    { type: 'Punctuation', behavior: 'Isolated' },
    byteLevel(true),
  ],
  addedTokens: [{ content: '<s>' }, { content: '</s>' }],
  merges: 8,
});
type Json = typeof whole;

const parse = (json: string, maxTokens?: number) =>
  parseTokenizerFile(inMemory('t.json', Buffer.from(json)), { maxTokens });

/** Of a tokenizer.json with a change. */
const parseChanged = (change: (json: Json) => object) =>
  parse(JSON.stringify({ ...whole, ...change(whole) }));

const inModel = (change: object) => (json: Json) => ({ model: { ...json.model, ...change } });
const inPreTokenizer = (component: object) => () => ({
  pre_tokenizer: { type: 'Sequence', pretokenizers: [component, byteLevel(true)] },
});
const inAdded = (change: object) => (json: Json) => ({
  added_tokens: [json.added_tokens[0], { ...json.added_tokens[1], ...change }],
});
const hostile = split('(a+)+$');

describe('a tokenizer.json', () => {
  test('is read with its names, merges and components', () => {
    const file = parse(JSON.stringify(whole));
    expect(file.ids.get('!')).toBe(0);
    expect(file.ids.get('<s>')).toBe(whole.added_tokens[0]!.id);
    expect(file.merges[0]).toEqual((whole.model.merges[0] as string).split(' '));
    expect(file.preTokenizers.map(({ type }) => type)).toEqual([
      'Digits',
      'Punctuation',
      'ByteLevel',
    ]);
  });

  test('may have one component, no sequence of them, and merges as pairs', () => {
    const file = parseChanged(({ model }) => ({
      pre_tokenizer: byteLevel(true),
      normalizer: { type: 'NFC' },
      model: { ...model, merges: model.merges.map((merge) => merge.split(' ')) },
    }));
    expect(file.preTokenizers).toEqual([byteLevel(true)]);
    expect(file.normalizers).toEqual([{ type: 'NFC' }]);
    expect(file.merges[0]).toEqual((whole.model.merges[0] as string).split(' '));
  });

  test('may have post-processors, truncation and padding, which are the caller\u2019s', () => {
    const post_processor = { type: 'TemplateProcessing', single: [], pair: [] };
    expect(() =>
      parseChanged(() => ({ post_processor, truncation: { max_length: 1 }, padding: {} })),
    ).not.toThrow();
  });

  test('may have a decoder that puts bytes together, or say nothing of it', () => {
    for (const decoder of [null, { type: 'Sequence', decoders: [byteLevel(true)] }])
      expect(() => parseChanged(() => ({ decoder }))).not.toThrow();
  });

  test('may have the token that the reference appends, which no text then has', () => {
    const size = Object.keys(whole.model.vocab).length + 2;
    const image = { ...whole.added_tokens[0]!, id: size, content: '<|image|>' };
    const json = JSON.stringify({ ...whole, added_tokens: [...whole.added_tokens, image] });
    const tokenizer = new Tokenizer(parse(json, size));
    expect([tokenizer.size, tokenizer.ids.has('<|image|>')]).toEqual([size, false]);
    for (const ids of [tokenizer.encode('<|image|>'), tokenizer.encodeWithSpecial('<|image|>')]) {
      expect(Math.max(...ids)).toBeLessThan(size);
      expect(tokenizer.decode(ids)).toBe('<|image|>');
    }
    expect(new Tokenizer(parse(json, size + 1)).encodeWithSpecial('<|image|>')).toEqual([size]);
    expect(() => parse(json, size - 1)).toThrow(`to be below ${size - 1}, got`);
  });

  test('may have names that are keys of every object', () => {
    const vocab = { ...whole.model.vocab, constructor: 400, toString: 401 };
    const json = JSON.stringify({ ...whole, model: { ...whole.model, vocab } });
    const named = json.replace('"constructor"', '"__proto__"');
    const { ids } = parse(named);
    expect([ids.get('__proto__'), ids.get('toString'), ids.get('constructor')]).toEqual([
      400,
      401,
      undefined,
    ]);
    const tokenizer = new Tokenizer(parse(named));
    expect(tokenizer.decode([400])).toBe('__proto__');
    expect(tokenizer.decode(tokenizer.encode('toString __proto__'))).toBe('toString __proto__');
  });

  test.each<[string, (json: Json) => object, string]>([
    ['another version', () => ({ version: '2.0' }), 'version to be "1.0", got "2.0"'],
    ['an unknown key', () => ({ extra: 1 }), 'it to be without extra, got'],
    ['no model', () => ({ model: undefined }), 'model to be an object, got nothing'],
    ['another model', inModel({ type: 'WordPiece' }), 'model.type to be "BPE", got "WordPiece"'],
    ['dropout', inModel({ dropout: 0.1 }), 'model.dropout to be null or 0, got 0.1'],
    [
      'byte fallback',
      inModel({ byte_fallback: true }),
      'model.byte_fallback to be false, got true',
    ],
    [
      'a prefix of subwords',
      inModel({ continuing_subword_prefix: '##' }),
      'model.continuing_subword_prefix to be null or "", got "##"',
    ],
    ['an unknown option', inModel({ cache: 1 }), 'model to be without cache, got'],
    ['no vocabulary', inModel({ vocab: undefined }), 'model.vocab to be an object, got nothing'],
    ['a list of names', inModel({ vocab: ['a'] }), 'model.vocab to be an object, got ["a"]'],
    ['no bytes', inModel({ vocab: {}, merges: [] }), 'model.vocab to be all bytes, "\u0100" too'],
    [
      'bytes that end no word',
      inModel({ end_of_word_suffix: '</w>' }),
      'model.vocab to be all bytes, "\u0100</w>" too, got none of it',
    ],
    [
      'an id that is no number',
      (json) => inModel({ vocab: { ...json.model.vocab, x: '7' } })(json),
      'model.vocab["x"] to be a whole number below 65536, got "7"',
    ],
    [
      'half an id',
      (json) => inModel({ vocab: { ...json.model.vocab, x: 7.5 } })(json),
      'model.vocab["x"] to be a whole number below 65536, got 7.5',
    ],
    [
      'a negative id',
      (json) => inModel({ vocab: { ...json.model.vocab, x: -1 } })(json),
      'model.vocab["x"] to be a whole number below 65536, got -1',
    ],
    [
      'an id too large',
      (json) => inModel({ vocab: { ...json.model.vocab, x: 65_536 } })(json),
      'model.vocab["x"] to be a whole number below 65536, got 65536',
    ],
    [
      'an id twice',
      (json) => inModel({ vocab: { ...json.model.vocab, xyz: 7 } })(json),
      'to be an id of its own, got 7, which "',
    ],
    [
      'a long name',
      (json) => inModel({ vocab: { ...json.model.vocab, ['x'.repeat(1025)]: 999 } })(json),
      'to be of at most 1024 characters, got 1025',
    ],
    ['no merges', inModel({ merges: undefined }), 'model.merges to be an array, got nothing'],
    [
      'a merge of three',
      inModel({ merges: ['a b c'] }),
      'model.merges[0] to be two names, got "a b c"',
    ],
    ['a merge of one', inModel({ merges: [['a']] }), 'model.merges[0] to be two names, got ["a"]'],
    [
      'a merge of numbers',
      inModel({ merges: [[1, 2]] }),
      'model.merges[0] to be two names, got [1,2]',
    ],
    [
      'a merge of nothing',
      inModel({ merges: [' a'] }),
      'model.merges[0] to be of names in model.vocab, got ""',
    ],
    [
      'a merge of no names',
      inModel({ merges: ['a qq'] }),
      'model.merges[0] to be of names in model.vocab, got "qq"',
    ],
    [
      'a merge to no name',
      inModel({ merges: ['q z'] }),
      'model.merges[0] to be of names in model.vocab, got "qz"',
    ],
    [
      'an unknown name for what is unknown',
      inModel({ unk_token: '<u>' }),
      'model.unk_token to be a name in model.vocab, got "<u>"',
    ],
    [
      'an unknown pre-tokenizer',
      inPreTokenizer({ type: 'Metaspace' }),
      'pre_tokenizer.pretokenizers[0].type to be Split, Digits, Punctuation, ByteLevel or a Sequence of them, got "Metaspace"',
    ],
    [
      'a hostile pattern',
      inPreTokenizer(hostile),
      'pre_tokenizer.pretokenizers[0].pattern.Regex to be one that is known, got "(a+)+$"',
    ],
    [
      'another behaviour',
      inPreTokenizer({ ...split('\\s+'), behavior: 'MergedWithNext' }),
      'pre_tokenizer.pretokenizers[0].behavior to be "Isolated" or "Removed", got "MergedWithNext"',
    ],
    [
      'words left out',
      inPreTokenizer({ ...split('\\s+'), behavior: 'Removed' }),
      'pre_tokenizer.pretokenizers[0] to be Isolated and not inverted, or by the words of CLIP, Removed and inverted',
    ],
    [
      'an inverted split',
      inPreTokenizer({ ...clipSplit, behavior: 'Isolated' }),
      'pre_tokenizer.pretokenizers[0] to be Isolated and not inverted',
    ],
    [
      'a space before',
      () => ({ pre_tokenizer: { ...byteLevel(true), add_prefix_space: true } }),
      'pre_tokenizer.add_prefix_space to be false, got true',
    ],
    [
      'no bytes at the end',
      () => ({ pre_tokenizer: split('\\s+') }),
      'the last of pre_tokenizer to be ByteLevel, got "Split"',
    ],
    [
      'no pre-tokenizer',
      () => ({ pre_tokenizer: null }),
      'pre_tokenizer to be Split, Digits, Punctuation, ByteLevel or a Sequence of them, got null',
    ],
    [
      'an empty sequence',
      () => ({ pre_tokenizer: { type: 'Sequence', pretokenizers: [] } }),
      'the last of pre_tokenizer to be ByteLevel, got "nothing"',
    ],
    [
      'an unknown normalizer',
      () => ({ normalizer: { type: 'Nmt' } }),
      'normalizer.type to be NFC, Lowercase, Replace or a Sequence of them, got "Nmt"',
    ],
    [
      'a long replacement',
      () => ({
        normalizer: { type: 'Replace', pattern: { String: 'a' }, content: 'a'.repeat(17) },
      }),
      'normalizer.content to be a string of 0 to 16 characters, got "aaaaaaaaaaaaaaaaa"',
    ],
    [
      'a replacement by a pattern of words',
      () => ({ normalizer: { type: 'Replace', pattern: { Regex: gpt2Words }, content: ' ' } }),
      'normalizer.pattern.Regex to be one that is known, got ',
    ],
    [
      'a pattern that is a list',
      inPreTokenizer({ ...split(''), pattern: [] }),
      'pre_tokenizer.pretokenizers[0].pattern to be an object with a String or a Regex, got []',
    ],
    [
      'an empty pattern',
      () => ({ normalizer: { type: 'Replace', pattern: { String: '' }, content: 'a' } }),
      'normalizer.pattern.String to be a string of 1 to 1024 characters, got ""',
    ],
    [
      'another decoder',
      () => ({ decoder: { type: 'WordPiece' } }),
      'decoder.type to be ByteLevel or a Sequence of it, got "WordPiece"',
    ],
    [
      'another post-processor',
      () => ({ post_processor: { type: 'X' } }),
      'post_processor.type to be',
    ],
    [
      'an empty added token',
      inAdded({ content: '' }),
      'added_tokens[1].content to be a string of 1 to 1024 characters, got',
    ],
    [
      'an added token twice',
      inAdded({ content: '<s>' }),
      'added_tokens[1].content to be of one added token, got "<s>" again',
    ],
    [
      'an added id twice',
      inAdded({ id: 7 }),
      'added_tokens[1].id to be an id of its own, got 7, which another name has',
    ],
    [
      'an added id too large',
      inAdded({ id: 65_536 }),
      'added_tokens[1].id to be below 65536, got 65536',
    ],
    [
      'a decoder of other parts',
      () => ({ decoder: { type: 'Sequence', decoders: [{ type: 'Fuse' }] } }),
      'decoder.decoders[0].type to be "ByteLevel", got "Fuse"',
    ],
    ['a name with another id', inAdded({ content: 'a' }), 'as in model.vocab, got'],
    [
      'a token that is a word',
      inAdded({ single_word: true }),
      'added_tokens[1].single_word to be false, got true',
    ],
  ])('with %s is refused', (_, change, message) => {
    const read = () => parseChanged(change);
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_INPUT' }));
    expect(read).toThrow(message);
    expect(read).toThrow(/^t\.json: expected /);
  });

  test.each([
    ['no JSON', '{', 't.json: expected character 1 of the file to be a string, got the end'],
    ['a list', '[]', 't.json: expected the file to be a JSON object, got another value'],
    [
      'a name twice',
      '{"model":{"vocab":{"a":1,"a":2}}}',
      'to be without a key twice, got "a" twice',
    ],
    ['deep JSON', `{"a":${'['.repeat(99)}`, 'at most 32 deep'],
  ])('that is %s is refused', (_, json, message) => {
    expect(() => parse(json)).toThrow(expect.objectContaining({ code: 'ERR_INPUT' }));
    expect(() => parse(json)).toThrow(message);
  });

  test('has ids below what it is told', () => {
    const size = Object.keys(whole.model.vocab).length + 2;
    expect(() => parse(JSON.stringify(whole), size)).not.toThrow();
    expect(() => parse(JSON.stringify(whole), size - 1)).toThrow(`to be below ${size - 1}, got`);
  });

  test('of more than 64 MiB is refused unread', () => {
    const source = { path: 'huge.json', bytes: 2 ** 40, read: () => expect.unreachable() };
    expect(() => parseTokenizerFile(source)).toThrow(
      'huge.json: expected the file to be at most 67108864 bytes, got 1099511627776',
    );
  });

  test('that is not there is refused', () => {
    expect(() => readTokenizerFile('/nowhere/tokenizer.json')).toThrow(
      expect.objectContaining({ code: 'ERR_INPUT' }),
    );
  });

  test('is read or refused, whatever stands in the place of a value', () => {
    const paths: (readonly string[])[] = [];
    const visit = (value: unknown, path: readonly string[]) => {
      paths.push(path);
      if (typeof value !== 'object' || value === null) return;
      for (const key of Object.keys(value).slice(0, 12))
        visit((value as Record<string, unknown>)[key], [...path, key]);
    };
    visit(whole, []);
    const replaced = (value: unknown, path: readonly string[], by: unknown): unknown => {
      const [key, ...rest] = path;
      if (key === undefined) return by;
      const object = value as Record<string, unknown>;
      const changed = { ...object, [key]: replaced(object[key], rest, by) };
      return Array.isArray(value) ? Object.values(changed) : changed;
    };
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 2 }), (path, by) => {
        try {
          parse(JSON.stringify(replaced(whole, path, by)));
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_INPUT' });
          expect((error as Error).message).toMatch(/^t\.json: expected .+ to be .+, got .*$/s);
        }
      }),
      { numRuns: 2000, seed: 1 },
    );
  });
});

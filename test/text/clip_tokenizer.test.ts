import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer as Oracle } from 'tokenizers';
import { afterAll, describe, expect, test } from 'vitest';
import { ClipTokenizer } from '../../lib/text/clip_tokenizer.ts';
import { uniform } from '../support/numbers.ts';
import { byteLevel, clipSplit, hardText, smallTokenizer } from './small_tokenizer.ts';

const whole = smallTokenizer({
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'NFC' },
      { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
      { type: 'Lowercase' },
    ],
  },
  preTokenizers: [clipSplit, byteLevel(true)],
  endOfWord: '</w>',
  addedTokens: [{ content: '<|startoftext|>' }, { content: '<|endoftext|>' }],
});
const [begin, end] = whole.added_tokens.map(({ id }) => id) as [number, number];
const vocab = { ...whole.model.vocab, '<|startoftext|>': begin, '<|endoftext|>': end };

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'stylear-clip-'));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

const forms: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'tokenizer.json': { 'tokenizer.json': JSON.stringify(whole) },
  'vocab.json and merges.txt': {
    'vocab.json': JSON.stringify(vocab),
    'merges.txt': `#version: 0.2\n${whole.model.merges.join('\n')}\n`,
  },
};

describe.each(Object.keys(forms))('a CLIP tokenizer of %s', (form) => {
  const tokenizer = ClipTokenizer.open(folderOf(forms[form]!));

  test('gives the ids of the Rust library between begin and end, cut to 77', async () => {
    const oracle = Oracle.fromString(JSON.stringify(whole));
    const next = uniform(3);
    const texts = Array.from({ length: 1000 }, () => hardText((n) => Math.floor(n * next())));
    const encodings = await oracle.encodeBatch(texts, { addSpecialTokens: false });
    let cut = 0;
    texts.forEach((text, i) => {
      const ids = encodings[i]!.getIds();
      const kept = ids.slice(0, 75);
      if (ids.length > 75) cut++;
      const filled = Array.from({ length: 76 - kept.length }, () => end);
      expect([...tokenizer.encode(text)]).toEqual([begin, ...kept, ...filled]);
    });
    expect(cut).toBeGreaterThan(5);
  });

  test('takes its marks in a text for text', () => {
    const ids = tokenizer.encode('<|endoftext|> <|startoftext|>');
    expect(ids.indexOf(begin, 1)).toBe(-1);
    expect(ids.indexOf(end)).toBeGreaterThan(10);
  });

  test('has as many ids as it is told', () => {
    expect([...tokenizer.encode('', 4)]).toEqual([begin, end, end, end]);
    expect(tokenizer.end).toBe(end);
  });
});

describe('a CLIP tokenizer', () => {
  test.each([
    [
      'nothing',
      {},
      /: expected the folder to have tokenizer\.json, or vocab\.json and merges\.txt, got neither$/,
    ],
    ['no merges', { 'vocab.json': JSON.stringify(vocab) }, /merges\.txt: expected the file to be/],
    [
      'merges of no names',
      { 'vocab.json': JSON.stringify(vocab), 'merges.txt': '#version: 0.2\nq zz\n' },
      /vocab\.json: expected model\.merges\[0\] to be of names in model\.vocab, got "zz"/,
    ],
    [
      'a tokenizer without marks',
      { 'tokenizer.json': JSON.stringify({ ...whole, added_tokens: [] }) },
      /tokenizer\.json: expected it to be a tokenizer with <\|startoftext\|>, got none/,
    ],
    [
      'names without marks',
      { 'vocab.json': JSON.stringify(whole.model.vocab), 'merges.txt': '' },
      /vocab\.json: expected added_tokens\[0\]\.id to be a whole number, got null/,
    ],
  ])('of %s is refused', (_, files, message) => {
    const open = () => ClipTokenizer.open(folderOf(files as Readonly<Record<string, string>>));
    expect(open).toThrow(expect.objectContaining({ code: 'ERR_INPUT' }));
    expect(open).toThrow(message);
  });
});

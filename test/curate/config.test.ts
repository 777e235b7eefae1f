import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readCurateConfig } from '../../lib/curate/config.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-curate-config-'));
afterAll(() => rmSync(root, { recursive: true }));
const file = join(root, 'curate.json');
const read = (config: unknown) => {
  writeFileSync(file, JSON.stringify(config));
  return readCurateConfig(file);
};
const tokens = { kind: 'tokens', output: 'o', shards: ['a.tar'], vqgan: 'v', tokenizer: 't' };
const pictures = { kind: 'pictures', output: 'o', size: 96, source: { from: 'styles' } };

describe('a config of curation', () => {
  test('has every default in it, and full paths', () => {
    const layout = { codes: 8192, gridMax: 128, codesPerUnit: 2, unitPixels: 32 };
    const tokenizer = { vqgan: join(root, 'v'), tokenizer: join(root, 't'), layout, batchSize: 32 };
    expect(read(tokens)).toEqual({
      ...{ kind: 'tokens', output: join(root, 'o'), partSize: 512, shards: [join(root, 'a.tar')] },
      ...tokenizer,
    });
    const { vqgan, tokenizer: file } = tokens;
    expect(read({ ...pictures, tokens: { vqgan, tokenizer: file }, clip: '/clip' })).toEqual({
      ...{ kind: 'pictures', output: join(root, 'o'), partSize: 512, size: 96, keepWork: false },
      source: { from: 'styles', styles: 80, prompts: 200, first: 0 },
      ...{ keep: {}, clip: '/clip', tokens: tokenizer },
    });
  });

  test('may name a file of prompts, or so many', () => {
    const source = (prompts: unknown) => read({ ...pictures, source: { from: 'styles', prompts } });
    expect(source(7)).toMatchObject({ source: { prompts: 7 } });
    expect(source('p.txt')).toMatchObject({ source: { prompts: join(root, 'p.txt') } });
  });

  test.each([
    [{}, 'kind to be a kind: "tokens", "pictures" or "preferences", got nothing'],
    [{ ...tokens, size: 1 }, 'the config to be without keys that are not known, got "size"'],
    [{ ...tokens, batchSize: 0 }, 'batchSize to be a whole number in [1, 4096], got 0'],
    [
      { ...pictures, source: { from: 'web' } },
      'source.from to be a source: from "folder", "shards", "world", "styles" or "pairs", got "web"',
    ],
    [
      { ...pictures, source: { from: 'world', pictures: 'odd', count: 1 } },
      'source.pictures to be "raw" or "stylised", got "odd"',
    ],
    [
      { ...pictures, source: { from: 'styles', prompts: 0.5 } },
      'source.prompts to be a whole number in [1, 1000000] or a path, got 0.5',
    ],
    [
      { ...pictures, keep: { minText: 0.1 } },
      'keep.minText to be given with a clip, which scores it, got 0.1',
    ],
    [
      { ...pictures, keep: { duplicateBits: 48 } },
      'keep.duplicateBits to be a whole number in [0, 47], got 48',
    ],
  ])('is refused when it is %j', (config, message) => {
    expect(() => read(config)).toThrow(`${file}: expected ${message}`);
  });
});

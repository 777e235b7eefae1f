import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { StageConfig } from '../../lib/train/config.ts';
import { startOf } from '../../lib/train/start.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-start-'));
afterAll(() => rmSync(root, { recursive: true }));

const folderOf = (...names: string[]): string => {
  const folder = mkdtempSync(join(root, 'f'));
  mkdirSync(folder, { recursive: true });
  for (const name of names) writeFileSync(join(folder, name), '');
  return folder;
};

/** Of what a config says, only what is looked at. */
const language = (transformer: string, start?: string) =>
  startOf({ stage: 'language', transformer, start } as StageConfig<'language'>);
const clip = (network: string) => startOf({ stage: 'clip', network } as StageConfig<'clip'>);
const vqgan = (network: string) => startOf({ stage: 'vqgan', network } as StageConfig<'vqgan'>);

describe('a training starts', () => {
  test.each(['model.safetensors', 'model.safetensors.index.json', 'pytorch_model.bin'])(
    'from the weights in the folder of its network: %s',
    (name) => {
      const folder = folderOf('config.json', name);
      expect([language(folder), clip(folder)]).toEqual([folder, folder]);
    },
  );

  test('from those that are told before these', () => {
    expect(language(folderOf('model.safetensors'), 'other.safetensors')).toBe('other.safetensors');
  });

  test('from fresh weights where there are none, and not where they are not read', () => {
    const none = folderOf('config.json', 'vqgan.yaml', 'tokenizer.json');
    expect([language(none), clip(none), vqgan(none)]).toEqual([undefined, undefined, undefined]);
    const others = folderOf('config.json', 'model-00001-of-00003.safetensors');
    for (const start of [language, clip])
      expect(() => start(others)).toThrow('Download the index of the shards too.');
  });

  test('from vqgan.ckpt, beside which it may write its own', () => {
    const folder = folderOf('vqgan.yaml', 'vqgan.ckpt', 'model.safetensors');
    expect(vqgan(folder)).toBe(join(folder, 'vqgan.ckpt'));
    expect(vqgan(folderOf('vqgan.yaml', 'model.safetensors'))).toBeUndefined();
  });
});

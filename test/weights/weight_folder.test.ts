import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { requireWeights, weightsOfFolder } from '../../lib/weights/weight_folder.ts';
import { WeightSource } from '../../lib/weights/weight_source.ts';
import { archive, dict, floats, pickle, storage, tensor } from './torch_writer.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-weight-folder-'));
afterAll(() => rmSync(root, { recursive: true }));

const folderOf = (...names: string[]): string => {
  const folder = mkdtempSync(join(root, 'f'));
  for (const name of names) writeFileSync(join(folder, name), '');
  return folder;
};

describe('the weights of a folder', () => {
  test.each([
    [['model.safetensors', 'model.safetensors.index.json', 'pytorch_model.bin']],
    [['pytorch_model.bin', 'model.safetensors', 'pytorch_model.bin.index.json']],
    [['pytorch_model-00001-of-00002.bin', 'pytorch_model.bin.index.json', 'pytorch_model.bin']],
    [['training_args.bin', 'pytorch_model.bin', 'config.json']],
  ])('of %j are the second', (names) => {
    const folder = folderOf(...names);
    expect(weightsOfFolder(folder)).toBe(join(folder, names[1]!));
  });

  test('are none where no file may hold any', () => {
    const folder = folderOf('config.json', 'tokenizer.json', 'README.md');
    expect(weightsOfFolder(folder)).toBeUndefined();
    expect(() => requireWeights(folder)).toThrow(
      `${folder}: expected the folder to be one with model.safetensors, pytorch_model.bin or the ` +
        'index of one, got none of these',
    );
  });

  test.each([
    ['model-00001-of-00003.safetensors', 'Download the index of the shards too.'],
    ['pytorch_model-00002-of-00002.bin', 'Download the index of the shards too.'],
    ['open_clip_pytorch_model.bin', 'Rename it if it is such a file, or name the file instead'],
    ['adapter.safetensors', 'Rename it'],
    ['consolidated.00.pth', 'Rename it'],
    ['other.safetensors.index.json', 'Rename it'],
  ])('are not passed over under another name: %s', (name, advice) => {
    const folder = folderOf('config.json', name);
    for (const look of [weightsOfFolder, requireWeights])
      expect(() => look(folder)).toThrow(
        `${folder}: expected its weights to be in model.safetensors, pytorch_model.bin or the index ` +
          `of one, got "${name}" without these. ${advice}`,
      );
  });

  test('are read of torch files, also by an index of links out of the folder', () => {
    const bytes = (name: string) =>
      archive(pickle(dict([name, tensor(storage({ count: 1 }), [1], [1])])), { 0: floats(1) });
    const single = folderOf();
    writeFileSync(join(single, 'pytorch_model.bin'), bytes('x'));
    const sharded = join(root, 'sharded');
    mkdirSync(sharded);
    // As caches of downloads have them: what is linked to has no name that says what it is.
    for (const [i, name] of ['x', 'y'].entries()) {
      writeFileSync(join(root, `blob${i}`), bytes(name));
      symlinkSync(join(root, `blob${i}`), join(sharded, `pytorch_model-0000${i + 1}-of-00002.bin`));
    }
    const map = {
      x: 'pytorch_model-00001-of-00002.bin',
      y: 'pytorch_model-00002-of-00002.bin',
    };
    writeFileSync(
      join(sharded, 'pytorch_model.bin.index.json'),
      JSON.stringify({ weight_map: map }),
    );
    const names = (path: string) => {
      const source = new WeightSource(path);
      const all = [...source.names()];
      source.close();
      return all;
    };
    expect(names(single)).toEqual(['x']);
    expect(names(sharded)).toEqual(['x', 'y']);
  });
});

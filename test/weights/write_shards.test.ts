import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { openShards } from '../../lib/weights/shard_index.ts';
import { writeShards } from '../../lib/weights/write_shards.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-shards-'));
afterAll(() => rmSync(root, { recursive: true }));
let folder = root;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'x'));
});

const of = (count: number) =>
  ({ dtype: 'I8', shape: [count], elements: () => new Uint8Array(count).fill(count) }) as const;
const tensors = new Map([
  ['b', of(3)],
  ['7', of(2)],
  ['a', of(9)],
  ['c', of(1)],
]);

describe('writeShards', () => {
  test('writes one file where all fits', async () => {
    const output = join(folder, 'model.safetensors');
    expect(await writeShards(output, tensors)).toEqual({ files: [output], bytes: 15 });
    expect(readdirSync(folder)).toEqual(['model.safetensors']);
  });

  test('writes several and their index, in the order of the tensors', async () => {
    const output = join(folder, 'model.safetensors');
    const { files, bytes } = await writeShards(output, tensors, { maxShardBytes: 5 });
    const names = [1, 2, 3].map((i) => `model-0000${i}-of-00003.safetensors`);
    expect(files).toEqual([...names, 'model.safetensors.index.json'].map((n) => join(folder, n)));
    expect(bytes).toBe(15);
    const shards = openShards(files.at(-1)!);
    // One that is too large by itself has a file of its own.
    expect(shards.map(({ tensors }) => [...tensors.keys()])).toEqual([['7', 'b'], ['a'], ['c']]);
    for (const { source } of shards) source.close();
    const index = JSON.parse(readFileSync(files.at(-1)!, 'utf8'));
    expect(index.metadata).toEqual({ total_size: 15 });
  });

  test('leaves shards that have an index alone', async () => {
    const output = join(folder, 'model.safetensors');
    writeFileSync(`${output}.index.json`, '{}');
    await expect(writeShards(output, tensors)).rejects.toThrow(
      `${output}: expected the output to be new, got one with an index. Remove ${output}.index.json and its shards.`,
    );
    expect(readdirSync(folder)).toEqual(['model.safetensors.index.json']);
  });

  test('takes names of safetensors alone, and shards of some size', async () => {
    await expect(writeShards(join(folder, 'x.bin'), tensors)).rejects.toThrow(
      'x.bin: expected the output to be named *.safetensors, got another name',
    );
    const output = join(folder, 'x.safetensors');
    for (const maxShardBytes of [0, -1, Number.NaN]) {
      await expect(writeShards(output, tensors, { maxShardBytes })).rejects.toThrow(
        `in shards of more than 0 bytes, got ${maxShardBytes}`,
      );
    }
  });
});

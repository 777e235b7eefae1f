import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openShards } from '../../lib/weights/shard_index.ts';
import { writeSafetensors } from '../../lib/weights/write_safetensors.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-shards-'));
const inside = join(folder, 'inside');
const path = join(inside, 'model.safetensors.index.json');
const one = { dtype: 'I8', shape: [1], elements: () => Uint8Array.of(1) } as const;

beforeAll(async () => {
  mkdirSync(inside);
  await writeSafetensors(
    join(inside, 'a'),
    new Map([
      ['x', one],
      ['y', one],
    ]),
  );
  await writeSafetensors(join(inside, 'b'), new Map([['z', one]]));
  await writeSafetensors(
    join(folder, 'outside'),
    new Map([
      ['x', one],
      ['y', one],
    ]),
  );
  symlinkSync(join(folder, 'outside'), join(inside, 'link'));
  symlinkSync(join(inside, 'a'), join(inside, 'link_within'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const open = (content: string) => {
  writeFileSync(path, content);
  const shards = openShards(path);
  for (const shard of shards) shard.source.close();
  return shards;
};
const index = (map: Record<string, unknown>) => open(JSON.stringify({ weight_map: map }));

describe('openShards', () => {
  test('opens the files that an index names', () => {
    const shards = index({ x: 'a', z: 'b', y: 'a' });
    expect(shards.map(({ tensors }) => [...tensors.keys()])).toEqual([['x', 'y'], ['z']]);
  });

  test('follows a link that stays in the folder', () => {
    expect(index({ x: 'link_within', y: 'link_within' })).toHaveLength(1);
  });

  test('says what to open where a link leads out of the folder', () => {
    expect(() => index({ x: 'link', y: 'link' })).toThrow(
      'Open the folder instead of the index if its links are yours.',
    );
  });

  test('follows links out of the folder when told so, and no other way out', () => {
    writeFileSync(path, JSON.stringify({ weight_map: { x: 'link', y: 'link' } }));
    const [shard] = openShards(path, { followLinks: true });
    expect([...shard!.tensors.keys()]).toEqual(['x', 'y']);
    shard!.source.close();
    writeFileSync(path, JSON.stringify({ weight_map: { x: '../outside', y: '../outside' } }));
    expect(() => openShards(path, { followLinks: true })).toThrow('names without separators');
  });

  test.each([
    ['a path out of the folder', { x: '../outside' }, 'names without separators, got "../outside"'],
    ['an absolute path', { x: '/etc/passwd' }, 'names without separators'],
    ['a backslash', { x: '..\\outside' }, 'names without separators'],
    ['a zero byte', { x: 'a\0b' }, 'names without separators'],
    ['the folder', { x: '.' }, 'names without separators'],
    ['the folder above', { x: '..' }, 'names without separators'],
    ['an empty name', { x: '' }, 'names without separators'],
    [
      'a link out of the folder',
      { x: 'link', y: 'link' },
      'the shard "link" to be inside the folder',
    ],
    ['a missing file', { x: 'c' }, 'the shard to be a file beside'],
    ['a number', { x: 1 }, 'the file of tensor "x" to be a string'],
    [
      'a tensor that is not there',
      { x: 'a', y: 'a', w: 'a' },
      'tensor "w" to be in a, got no such tensor there',
    ],
    [
      'a tensor elsewhere',
      { x: 'a', y: 'b', z: 'b' },
      'tensor "y" to be in b, got no such tensor there',
    ],
    [
      'a tensor that is not listed',
      { x: 'a' },
      'tensor "y" to be in no file, as the index says, got one in a',
    ],
    ['a tensor in two files', { x: 'a', y: 'link_within' }, 'as the index says, got one in'],
  ])('refuses %s', (_, map, message) => expect(() => index(map)).toThrow(message));

  test.each([
    ['a tensor twice', '{"weight_map":{"x":"a","x":"b"}}', 'without a key twice'],
    ['no map', '{"weights":{}}', 'weight_map to be an object'],
    ['a list', '[]', 'the index to be a JSON object'],
    ['nothing', '', 'to be a value, got the end'],
  ])('refuses an index with %s', (_, content, message) => {
    expect(() => open(content)).toThrow(message);
  });
});

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { inMemory } from '../../lib/weights/byte_source.ts';
import { readSafetensors } from '../../lib/weights/safetensors.ts';
import { type TensorToWrite, writeSafetensors } from '../../lib/weights/write_safetensors.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-write-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'x.safetensors');

const bytes =
  (...values: number[]) =>
  () =>
    Uint8Array.from(values);
const tensors: [string, TensorToWrite][] = [
  ['z', { dtype: 'I8', shape: [3], elements: bytes(1, 2, 3) }],
  ['2', { dtype: 'BF16', shape: [1, 1], elements: bytes(4, 5) }],
  ['a', { dtype: 'I8', shape: [0, 7], elements: bytes() }],
  ['w', { dtype: 'F32', shape: [], elements: async () => Uint8Array.of(6, 7, 8, 9) }],
];

describe('writeSafetensors', () => {
  test('writes what readSafetensors reads', async () => {
    await writeSafetensors(path, new Map(tensors), { b: '2', a: '1' });
    const source = inMemory(path, readFileSync(path));
    const read = readSafetensors(source);
    expect(Object.fromEntries(read.metadata)).toEqual({ a: '1', b: '2' });
    expect(read.tensors.size).toBe(4);
    for (const [name, { dtype, shape, elements }] of tensors) {
      const { offset, bytes, ...rest } = read.tensors.get(name)!;
      expect(rest).toEqual({ dtype, shape });
      expect([...source.read(offset, bytes)]).toEqual([...(await elements())]);
    }
  });

  test('lays every element on a multiple of its size', async () => {
    await writeSafetensors(path, new Map(tensors));
    const { tensors: read } = readSafetensors(inMemory(path, readFileSync(path)));
    expect(read.get('w')!.offset % 8).toBe(0);
    expect(read.get('2')!.offset % 2).toBe(0);
  });

  test('gives the same bytes for the same tensors in any order', async () => {
    await writeSafetensors(path, new Map(tensors), { a: '1', b: '2' });
    const first = readFileSync(path);
    await writeSafetensors(path, new Map([...tensors].reverse()), { b: '2', a: '1' });
    expect(readFileSync(path).equals(first)).toBe(true);
  });

  test('leaves the old file when it cannot finish', async () => {
    writeFileSync(path, 'old');
    const broken = async () => {
      throw new Error('no power');
    };
    const failing = new Map([...tensors, ['y', { dtype: 'I8', shape: [1], elements: broken }]]);
    await expect(
      writeSafetensors(path, failing as typeof failing & Map<string, TensorToWrite>),
    ).rejects.toThrow('no power');
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['x.safetensors']);
  });

  test('says when the file cannot be written', async () => {
    const nowhere = join(folder, 'none', 'x.safetensors');
    await expect(writeSafetensors(nowhere, new Map(tensors))).rejects.toMatchObject({
      code: 'ERR_WEIGHTS',
      message: expect.stringContaining(`${nowhere}: expected the file to be writable, got ENOENT`),
    });
  });

  test('refuses elements of another size', async () => {
    const wrong = new Map([['y', { dtype: 'F32', shape: [2], elements: bytes(1, 2) } as const]]);
    await expect(writeSafetensors(path, wrong)).rejects.toThrow(
      'expected the elements of tensor "y" to be 8 bytes, got 2',
    );
  });

  test('refuses names and shapes that the format does not have', async () => {
    const one = (name: string, shape: number[]) =>
      writeSafetensors(path, new Map([[name, { dtype: 'I8', shape, elements: bytes() } as const]]));
    await expect(one('__metadata__', [0])).rejects.toThrow(
      'named and shaped as safetensors allows',
    );
    await expect(one('x', Array(9).fill(1))).rejects.toThrow('got "x" of shape [1, 1, 1');
    await expect(one('x', [-1])).rejects.toThrow('got "x" of shape [-1]');
  });
});

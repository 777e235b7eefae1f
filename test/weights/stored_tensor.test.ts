import { describe, expect, test } from 'vitest';
import { type ByteSource, inMemory } from '../../lib/weights/byte_source.ts';
import { readElements, readPieces, type StoredTensor } from '../../lib/weights/stored_tensor.ts';

const mebibyte = 2 ** 20;

describe('readPieces', () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 40 * mebibyte + 12 }, (_, i) => i % 251));
  const file = inMemory('x', bytes);

  test.each([
    ['bytes', { dtype: 'U8', shape: [40 * mebibyte + 5], offset: 7 }, 1],
    ['rows', { dtype: 'F32', shape: [1001, 10007], offset: 4 }, 10007],
    [
      'rows longer than a piece',
      { dtype: 'F32', shape: [2, 5 * mebibyte], offset: 0 },
      5 * mebibyte,
    ],
    ['a view', { dtype: 'F32', shape: [3, 5], offset: 4, strides: [1, 3] }, 5],
    ['nothing', { dtype: 'F32', shape: [0, 5], offset: 4 }, 5],
  ] as const)('reads %s whole and in order', (_, tensor, together) => {
    const width = tensor.dtype === 'U8' ? 1 : 4;
    const count = tensor.shape.reduce((a, b) => a * b, 1);
    const stored: StoredTensor = { ...tensor, bytes: count * width };
    const pieces = [...readPieces(file, stored, together)];
    expect(Buffer.concat(pieces).equals(readElements(file, stored))).toBe(true);
    for (const piece of pieces) {
      expect(piece.length % (together * width)).toBe(0);
      expect(piece.length).toBeLessThanOrEqual(Math.max(16 * mebibyte, together * width));
    }
  });

  test('reads no more of the file at a time than a piece', () => {
    let most = 0;
    const read = (offset: number, length: number) => {
      most = Math.max(most, length);
      return file.read(offset, length);
    };
    const counted: ByteSource = { ...file, read };
    const stored = { dtype: 'U8', shape: [bytes.length], offset: 0, bytes: bytes.length } as const;
    for (const _ of readPieces(counted, stored)) expect(most).toBe(16 * mebibyte);
  });
});

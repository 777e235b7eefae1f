import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inMemory } from '../../lib/weights/byte_source.ts';
import { readSafetensors } from '../../lib/weights/safetensors.ts';
import { type StoredDtype, storedBytes } from '../../lib/weights/stored_tensor.ts';
import { join, u64 } from './torch_writer.ts';

const file = (header: string | Buffer, bytes: number): Buffer =>
  join(u64(Buffer.byteLength(header)), Buffer.from(header), Buffer.alloc(bytes));

const read = (bytes: Buffer) => readSafetensors(inMemory('x.safetensors', bytes));

const entry = (dtype: string, shape: string, begin: number, end: number) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

describe('readSafetensors', () => {
  test('gives dtype, shape and place of each tensor, and the metadata', () => {
    const header = `{"__metadata__":{"format":"pt"},"b":${entry('BF16', '[3]', 8, 14)},"a":${entry('F32', '[2,1]', 0, 8)},"empty":${entry('I64', '[0,5]', 14, 14)},"scalar":${entry('U8', '[]', 14, 15)} }  `;
    const begin = 8 + header.length;
    const { tensors, metadata } = read(file(header, 15));
    expect(Object.fromEntries(tensors)).toEqual({
      a: { dtype: 'F32', shape: [2, 1], offset: begin, bytes: 8 },
      b: { dtype: 'BF16', shape: [3], offset: begin + 8, bytes: 6 },
      empty: { dtype: 'I64', shape: [0, 5], offset: begin + 14, bytes: 0 },
      scalar: { dtype: 'U8', shape: [], offset: begin + 14, bytes: 1 },
    });
    expect(Object.fromEntries(metadata)).toEqual({ format: 'pt' });
  });

  test('takes names of any letters', () => {
    const name = '__proto__ "\\ \u00e9 \u{1f600}';
    const { tensors } = read(file(`{${JSON.stringify(name)}:${entry('I8', '[1]', 0, 1)}}`, 1));
    expect([...tensors.keys()]).toEqual([name]);
  });

  test('reads a file without tensors', () => expect(read(file('{}', 0)).tensors.size).toBe(0));

  const f32 = (shape: string, begin: number, end: number) =>
    `{"x":${entry('F32', shape, begin, end)}}`;
  test.each([
    ['too few bytes', Buffer.alloc(7), 'the file to be at least 8 bytes, got 7'],
    ['no header', u64(0), 'a JSON object that begins with {'],
    ['a header beyond the file', join(u64(3), '{}'), 'the header length to be at most 2, got 3'],
    [
      'a header of 2^64',
      join(u64(2n ** 64n - 1n), '{}'),
      'to be at most 2, got 18446744073709551615',
    ],
    ['space before the header', file(' {}', 0), 'a JSON object that begins with {'],
    ['other JSON', file('[]', 0), 'a JSON object that begins with {'],
    ['no UTF-8', file(join('{"\xff":1}'), 0), 'the header to be UTF-8'],
    ['a cut header', file('{"x":', 0), 'character 5 of the header to be a value, got the end'],
    ['something after the object', file('{}x', 0), 'to be the end, got "x"'],
    ['a trailing comma', file('{"x":{},}', 0), 'to be a string'],
    ['a bare key', file('{x:1}', 0), 'to be a string, got "x:1}"'],
    ['a leading zero', file(f32('[01]', 0, 4), 4), 'to be a comma or a closing bracket'],
    ['a control character', file('{"\n":1}', 0), 'to be a string'],
    ['a deep value', file(`{"x":${'['.repeat(40)}`, 0), 'to be at most 32 deep'],
    [
      'a name twice',
      file(`{"x":${entry('I8', '[1]', 0, 1)},"x":${entry('I8', '[1]', 1, 2)}}`, 2),
      'without a key twice, got "x" twice',
    ],
    ['a name twice by escapes', file('{"x":1,"\\u0078":1}', 0), 'without a key twice'],
    [
      'a key twice in an entry',
      file('{"x":{"dtype":"I8","dtype":"I8"}}', 0),
      'without a key twice',
    ],
    [
      'an unknown key',
      file('{"x":{"dtype":"I8","strides":[]}}', 0),
      'to be dtype, shape and data_offsets, got "strides"',
    ],
    ['no object', file('{"x":1}', 0), 'the entry of tensor "x" to be an object, got 1'],
    [
      'an unknown dtype',
      file(`{"x":${entry('F4', '[1]', 0, 1)}}`, 1),
      'dtype of tensor "x" to be BOOL, U8',
    ],
    [
      'a dtype of the prototype',
      file(`{"x":${entry('toString', '[1]', 0, 1)}}`, 1),
      'dtype of tensor "x"',
    ],
    ['a missing dtype', file('{"x":{"shape":[],"data_offsets":[0,1]}}', 1), 'got nothing'],
    ['rank 9', file(f32('[1,1,1,1,1,1,1,1,1]', 0, 4), 4), 'at most 8 whole numbers from 0'],
    ['a negative extent', file(f32('[-1]', 0, 4), 4), 'at most 8 whole numbers from 0, got [-1]'],
    ['a fraction', file(f32('[1.5]', 0, 6), 6), 'whole numbers from 0, got [1.5]'],
    ['an extent of 2^53', file(f32('[9007199254740992]', 0, 4), 4), 'whole numbers from 0'],
    [
      'a product that overflows',
      file(f32('[4294967296,4294967296]', 0, 4), 4),
      'less than 2^53 bytes',
    ],
    [
      'an overflow beside a zero',
      file(f32('[0,4294967296,4294967296]', 0, 0), 0),
      'less than 2^53 bytes',
    ],
    [
      'a product of bytes that overflows',
      file(f32('[9007199254740991]', 0, 4), 4),
      'less than 2^53 bytes',
    ],
    [
      'offsets for another size',
      file(f32('[2]', 0, 4), 4),
      '8 bytes apart, as dtype and shape say, got [0,4]',
    ],
    ['offsets backwards', file(f32('[0]', 4, 0), 4), '0 bytes apart'],
    [
      'three offsets',
      file('{"x":{"dtype":"I8","shape":[1],"data_offsets":[0,1,2]}}', 1),
      'two whole numbers from 0',
    ],
    ['a gap before the first', file(f32('[1]', 4, 8), 8), 'the first byte of tensor "x" to be '],
    [
      'a gap between',
      file(`{"a":${entry('I8', '[1]', 0, 1)},"b":${entry('I8', '[1]', 2, 3)}}`, 3),
      'the first byte of tensor "b"',
    ],
    [
      'an overlap',
      file(`{"a":${entry('I8', '[2]', 0, 2)},"b":${entry('I8', '[2]', 1, 3)}}`, 3),
      'the first byte of tensor "b"',
    ],
    [
      'the same bytes twice',
      file(`{"a":${entry('I8', '[2]', 0, 2)},"b":${entry('I8', '[2]', 0, 2)}}`, 2),
      'the first byte of tensor "b"',
    ],
    ['bytes beyond the file', file(f32('[2]', 0, 8), 7), 'the file to be '],
    ['bytes after the last', file(f32('[1]', 0, 4), 5), 'the file to be '],
    [
      'metadata of numbers',
      file('{"__metadata__":{"a":1}}', 0),
      '__metadata__ to be an object of strings',
    ],
    [
      'metadata of no object',
      file('{"__metadata__":[]}', 0),
      '__metadata__ to be an object of strings, got []',
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(`x.safetensors: expected `);
    expect(() => read(bytes)).toThrow(message);
  });

  test('reads any layout that covers the file, in any order', () => {
    const dtype = fc.constantFrom(...(Object.keys(storedBytes) as StoredDtype[]));
    const tensor = fc.tuple(dtype, fc.array(fc.nat(4), { maxLength: 8 }));
    const any = fc.dictionary(fc.string({ unit: 'binary' }), tensor, { maxKeys: 6 });
    const property = fc.property(any, (tensors) => {
      let at = 0;
      const entries = Object.entries(tensors)
        .filter(([name]) => name !== '__metadata__')
        .map(([name, [dtype, shape]]) => {
          const begin = at;
          at += shape.reduce((a, b) => a * b, storedBytes[dtype]);
          return `${JSON.stringify(name)}:${entry(dtype, JSON.stringify(shape), begin, at)}`;
        });
      const bytes = file(`{${entries.reverse().join(',')}}`, at);
      expect(read(bytes).tensors.size).toBe(entries.length);
      if (at > 0) expect(() => read(bytes.subarray(0, -1))).toThrow(/the file to be/);
    });
    fc.assert(property, { numRuns: 200, seed: 1 });
  });
});

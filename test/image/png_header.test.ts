import { describe, expect, test } from 'vitest';
import { pngChunks } from '../../lib/image/png_chunks.ts';
import { readPngHeader } from '../../lib/image/png_header.ts';
import { png, pngChunk } from './pictures.ts';

const file = png({ width: 2, height: 1, bits: 8, colour: 0, samples: [3, 4] });
const signature = file.subarray(0, 8);
const transparency = pngChunk('tRNS', Buffer.from([0, 3]));
const types = (bytes: Buffer) => [...pngChunks('x', bytes)].map(({ type }) => type);

describe('pngChunks', () => {
  test('gives every chunk with its place, and ends with the last', () => {
    expect(types(Buffer.concat([file, Buffer.from('more')]))).toEqual(['IHDR', 'IDAT', 'IEND']);
    const [header, pixels] = pngChunks('x', file);
    expect([header!.offset, header!.data.length, pixels!.offset]).toEqual([8, 13, 33]);
  });

  test('refuses a chunk that is cut anywhere', () => {
    for (let missing = 1; missing < 12; missing++) {
      expect(() => types(file.subarray(0, file.length - missing))).toThrow(
        `x: expected the chunk at byte ${file.length - 12} to be inside the file`,
      );
    }
  });
});

describe('readPngHeader', () => {
  test('reads what comes before the pixels, and nothing after', () => {
    const header = { width: 2, height: 1, bits: 8, colour: 'L', transparency: undefined };
    expect(readPngHeader('x', file)).toEqual(header);
    const [before, after] = [33, file.length - 12].map((at) =>
      Buffer.concat([file.subarray(0, at), transparency, file.subarray(at)]),
    );
    expect(readPngHeader('x', before!).transparency).toEqual(Buffer.from([0, 3]));
    expect(readPngHeader('x', after!)).toEqual(header);
  });

  test.each([
    ['"tRNS" of 2 bytes', transparency],
    ['"IHDR" of 12 bytes', pngChunk('IHDR', Buffer.alloc(12))],
    // 5 is no colour type.
    ['"IHDR" of 13 bytes', pngChunk('IHDR', Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 5, 0, 0, 0]))],
  ])('refuses a first chunk %s', (got, chunk) => {
    expect(() => readPngHeader('x', Buffer.concat([signature, chunk]))).toThrow(
      `x: expected the first chunk to be the header of a PNG, got ${got}`,
    );
  });

  test('refuses a PNG without pixels', () => {
    const none = Buffer.concat([file.subarray(0, 33), file.subarray(file.length - 12)]);
    expect(() => readPngHeader('x', none)).toThrow('x: expected the PNG to have pixels, got none');
  });
});

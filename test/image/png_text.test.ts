import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodePicture } from '../../lib/image/decode.ts';
import { pngChunks } from '../../lib/image/png_chunks.ts';
import { readPngText, withPngText } from '../../lib/image/png_text.ts';
import { png, pngChunk } from './pictures.ts';

const plain = { width: 2, height: 1, bits: 8, colour: 0, samples: [3, 4] } as const;
const file = png(plain);
const withChunks = (...chunks: Buffer[]) => png({ ...plain, chunks });
const latin = (text: string) => Buffer.from(text, 'latin1');

describe('withPngText', () => {
  test('is read back, and leaves the pixels', async () => {
    const texts = { prompt: 'a dog – 犬 🐕\n"x"', seed: '7', 'été 1': 'naïve', empty: '' };
    const written = withPngText(file, texts);
    expect(Object.fromEntries(readPngText(written))).toEqual(texts);
    expect([...(await decodePicture(written)).pixels]).toEqual([3, 4]);
  });

  test('writes Latin-1 where that is enough, for readers that know nothing else', () => {
    const types = (texts: Record<string, string>) =>
      [...pngChunks('x', withPngText(file, texts))].map(({ type }) => type);
    expect(types({ a: 'é', b: '犬', c: '\t' })).toEqual([
      ...['IHDR', 'tEXt', 'iTXt', 'iTXt', 'IDAT', 'IEND'],
    ]);
  });

  test('holds any text', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(text, (text) => {
        // What is not Unicode cannot be written as UTF-8.
        fc.pre(!text.includes('\0') && !/\p{Surrogate}/u.test(text));
        expect(readPngText(withPngText(file, { text })).get('text')).toBe(text);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test.each(['', ' a', 'a ', 'a  b', 'a\nb', '犬', '\x7f', 'a'.repeat(80)])(
    'refuses the keyword %j',
    (key) => {
      expect(() => withPngText(file, { [key]: 'x' })).toThrow(
        'withPngText: expected a keyword to be 1 to 79 printable characters of Latin-1, got ',
      );
    },
  );

  test('refuses a text with a 0', () => {
    expect(() => withPngText(file, { a: 'x\0' })).toThrow(
      'withPngText: expected the text of "a" to be without 0, got one',
    );
  });
});

describe('readPngText', () => {
  const international = (compressed: boolean, text: Buffer) =>
    pngChunk(
      'iTXt',
      Buffer.concat([latin(`k\0${compressed ? '\x01' : '\0'}\0de\0Schlüssel\0`), text]),
    );

  test('reads what others write: compressed, and with a language', () => {
    const zipped = pngChunk('zTXt', Buffer.concat([latin('z\0\0'), deflateSync('zipped')]));
    const others = withChunks(zipped, international(true, deflateSync(Buffer.from('犬'))));
    expect(Object.fromEntries(readPngText(others))).toEqual({ z: 'zipped', k: '犬' });
    const uncompressed = withChunks(international(false, Buffer.from('犬')));
    expect(readPngText(uncompressed).get('k')).toBe('犬');
  });

  test('leaves out what is damaged or too long, and reads on', () => {
    const bomb = deflateSync(Buffer.alloc(2 ** 20 + 1));
    const damaged = withChunks(
      pngChunk('zTXt', Buffer.concat([latin('bomb\0\0'), bomb])),
      pngChunk('zTXt', latin('broken\0\0nothing zipped')),
      pngChunk('tEXt', latin('no end')),
      pngChunk('tEXt', latin('\0no keyword')),
      pngChunk('iTXt', latin('short\0\0\0')),
      pngChunk('iTXt', latin('shorter\0')),
      pngChunk('tEXt', Buffer.alloc(2 ** 20 + 100, 'long\0')),
      pngChunk('tEXt', latin('last\0x')),
    );
    expect(Object.fromEntries(readPngText(damaged))).toEqual({ last: 'x' });
  });

  test('stops at 256 texts', () => {
    const many = Array.from({ length: 300 }, (_, i) => pngChunk('tEXt', latin(`k${i}\0x`)));
    expect(readPngText(withChunks(...many)).size).toBe(256);
  });

  test('refuses what is no PNG', () => {
    expect(() => readPngText(latin('GIF89a'), 'x.gif')).toThrow(
      'x.gif: expected the picture to be a PNG file, got another',
    );
    expect(() => readPngText(file.subarray(0, 40), 'cut.png')).toThrow(
      'cut.png: expected the chunk at byte 33 to be inside the file, got a file of 40 bytes',
    );
  });
});

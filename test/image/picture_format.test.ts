import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { describeContent, formatOf } from '../../lib/image/picture_format.ts';

/** The first box of an AVIF file: its size, the major brand and what it is compatible with. */
const ftyp = (size: number, ...[major, ...compatible]: readonly string[]): Buffer => {
  const box = Buffer.alloc(Math.max(16 + 4 * compatible.length, 64));
  box.writeUInt32BE(size);
  box.write(`ftyp${major}\0\0\0\0${compatible.join('')}`, 4, 'latin1');
  return box;
};

describe('formatOf', () => {
  test.each([
    ['jpeg', '\xff\xd8\xff\xe0'],
    ['png', '\x89PNG\r\n\x1a\n'],
    ['webp', 'RIFF\x40\0\0\0WEBPVP8 '],
    [undefined, '\xff\xd8'],
    [undefined, '\x89PNG\r\n\x1a'],
    [undefined, 'RIFF\x40\0\0\0WEB'],
    [undefined, 'RIFF\x40\0\0\0WAVE'],
    [undefined, ''],
    [undefined, '\0\0\0\x18ftyp'],
  ])('is %s of %j', (format, head) => {
    expect(formatOf(Buffer.from(head, 'latin1'))).toBe(format);
  });

  test.each([
    ['avif', 24, ['avif', 'mif1', 'miaf']],
    ['avif', 16, ['avif']],
    ['avif', 24, ['mif1', 'mif1', 'avif']],
    ['avif', 24, ['msf1', 'avis', 'msf1']],
    ['avif', 2048, ['avif']],
    // Of another size it is no such box, and what it is, something else may read.
    [undefined, 0x3c212d2d, ['avif', 'avif', 'mif1']],
    [undefined, 2052, ['avif']],
    [undefined, 18, ['avif']],
    [undefined, 12, ['avif']],
    [undefined, 0, ['avif']],
    // The brand lies beyond the box.
    [undefined, 20, ['mif1', 'mif1', 'avif']],
    [undefined, 24, ['heic', 'mif1', 'heic']],
    [undefined, 24, ['isom', 'mif1', 'avif']],
    [undefined, 24, ['avis', 'mif1', 'avif']],
  ])('is %s of a first box of %d bytes and brands %j', (format, size, brands) => {
    expect(formatOf(ftyp(size, ...brands))).toBe(format);
  });

  test('takes for AVIF what libvips does', async () => {
    for (const size of [24, 36, 2048])
      for (const major of ['avif', 'mif1', 'msf1']) {
        const file = ftyp(size, major, 'avif', 'mif1');
        expect(formatOf(file)).toBe('avif');
        await expect(sharp(file).metadata()).rejects.toThrow('corrupt header');
      }
  });
});

test('describeContent tells a sequence of AVIF from a video', () => {
  expect(describeContent(ftyp(24, 'avis', 'avis', 'msf1'))).toBe('an AVIF of several pictures');
  expect(describeContent(ftyp(24, 'mp42', 'isom', 'mp42'))).toBe('a video, or a HEIC');
});

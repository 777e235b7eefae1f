import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { decodePicture } from '../../lib/image/decode.ts';
import { encodePicture, writePicture } from '../../lib/image/encode.ts';
import { makePicture } from '../../lib/image/picture.ts';
import { formatOf } from '../../lib/image/picture_format.ts';
import { readPngText } from '../../lib/image/png_text.ts';
import { noise } from './pictures.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-encode-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Two colours, one above the other: what a lossy format keeps nearly. */
const flat = makePicture(
  'RGB',
  16,
  16,
  Uint8Array.from({ length: 768 }, (_, i) => (i < 384 ? [200, 30, 60] : [20, 90, 220])[i % 3]!),
);

describe('encodePicture', () => {
  test.each(['L', 'RGB', 'RGBA'] as const)('keeps %s in a PNG', async (mode) => {
    const picture = noise(mode, 7, 5);
    const untold = { format: undefined, quality: undefined, text: undefined };
    const back = await decodePicture(await encodePicture(picture, untold));
    expect(back).toMatchObject({ mode, width: 7, height: 5 });
    expect([...back.pixels]).toEqual([...picture.pixels]);
  });

  test('keeps grey and alpha in a PNG, as colours', async () => {
    const picture = noise('LA', 7, 5);
    const { mode, pixels } = await decodePicture(await encodePicture(picture));
    expect(mode).toBe('RGBA');
    for (let i = 0; i < 35; i++) {
      expect([pixels[4 * i], pixels[4 * i + 3]]).toEqual([
        ...picture.pixels.subarray(2 * i, 2 * i + 2),
      ]);
    }
  });

  test.each(['jpeg', 'webp', 'avif'] as const)(
    'is near in a %s, nearer with quality',
    async (format) => {
      const offBy = async (quality: number) => {
        const bytes = await encodePicture(flat, { format, quality });
        expect(formatOf(bytes)).toBe(format);
        const { pixels } = await decodePicture(bytes);
        const off = pixels.reduce((sum, level, i) => sum + Math.abs(level - flat.pixels[i]!), 0);
        return off / pixels.length;
      };
      expect(await offBy(95)).toBeLessThanOrEqual(6);
      expect(await offBy(1)).toBeGreaterThan(await offBy(95));
    },
  );

  test('gives the same bytes twice', async () => {
    for (const format of ['png', 'jpeg', 'webp', 'avif'] as const) {
      const [a, b] = [await encodePicture(flat, { format }), await encodePicture(flat, { format })];
      expect(a.equals(b)).toBe(true);
    }
  });

  test('writes a picture as it is seen', async () => {
    const back = await decodePicture(await encodePicture({ ...noise('L', 3, 2), orientation: 6 }));
    expect(back).toMatchObject({ width: 2, height: 3, orientation: 1 });
  });

  test.each([
    [{ format: 'gif' as 'png' }, flat, 'format to be one of png, jpeg, webp, avif, got gif'],
    [{ format: 'toString' as 'png' }, flat, 'format to be one of'],
    [{ quality: 0 }, flat, 'quality to be a whole number from 1 to 100, got 0'],
    [{ quality: 50.5 }, flat, 'quality to be a whole number from 1 to 100, got 50.5'],
    [{ format: 'jpeg' }, noise('RGBA', 1, 1), 'picture of a JPEG to be without alpha, got RGBA'],
    [
      { format: 'webp' },
      noise('L', 16384, 1),
      'picture of a WebP to be at most 16383 pixels a side, got 16384',
    ],
    [{}, noise('CMYK', 1, 1), 'picture to be grey or RGB, got CMYK'],
    [{ format: 'webp', text: {} }, flat, 'text for a PNG alone, got text for a WebP'],
  ] as const)('refuses %j', async (options, picture, message) => {
    await expect(encodePicture(picture, options)).rejects.toMatchObject({
      code: 'ERR_VALUE',
      message: expect.stringContaining(`encodePicture: expected ${message}`),
    });
  });
});

describe('writePicture', () => {
  test.each([
    ['x.png', 'png'],
    ['x.JPG', 'jpeg'],
    ['x.jpeg', 'jpeg'],
    ['x.webp', 'webp'],
    ['x.avif', 'avif'],
  ])('writes %s as %s', async (name, format) => {
    await writePicture(join(folder, name), flat);
    expect(formatOf(readFileSync(join(folder, name)))).toBe(format);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('takes the format it is told, and texts', async () => {
    const path = join(folder, 'x');
    await writePicture(path, flat, { format: 'png', text: { seed: '7' } });
    expect(readPngText(readFileSync(path))).toEqual(new Map([['seed', '7']]));
  });

  test('needs an end that says a format, and a folder', async () => {
    await expect(writePicture(join(folder, 'x.gif'), flat)).rejects.toThrow(
      'x.gif: expected its end to be one of .png, .jpg, .jpeg, .webp, .avif, got .gif',
    );
    await expect(writePicture(join(folder, 'y'), flat)).rejects.toThrow('got none');
    await expect(writePicture(join(folder, 'no', 'x.png'), flat)).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message: expect.stringContaining('x.png: expected the file to be writable, got ENOENT'),
    });
  });
});

// Damaged files of every format: each is read or refused, whole process and time intact.
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { StylearError } from '../../lib/error.ts';
import { decodePicture } from '../../lib/image/decode.ts';
import { countJpegScans } from '../../lib/image/jpeg_scans.ts';
import { orientationInXmp } from '../../lib/image/orientation.ts';
import { channelsOf } from '../../lib/image/picture.ts';
import { formatOf } from '../../lib/image/picture_format.ts';
import { readPngHeader } from '../../lib/image/png_header.ts';
import { readPngText, withPngText } from '../../lib/image/png_text.ts';
import { damaged } from '../support/damaged.ts';
import { uniform } from '../support/numbers.ts';
import { noise, pngChunk } from './pictures.ts';

const fuzz = Number(process.env.STYLEAR_FUZZ ?? 1);
const formats = ['png', 'jpeg', 'webp', 'avif'] as const;
const files = new Map<string, Buffer>();

beforeAll(async () => {
  const { pixels } = noise('RGBA', 24, 16);
  for (const format of formats) {
    const image = sharp(pixels, { raw: { width: 24, height: 16, channels: 4 } });
    const bytes = await image.withMetadata({ orientation: 6 }).toFormat(format).toBuffer();
    files.set(format, format === 'png' ? withPngText(bytes, { a: 'é', b: '犬' }) : bytes);
  }
});

/** The code of what was refused, or undefined when it was read. */
function refusal(error: unknown): string {
  if (error instanceof StylearError) return error.code;
  throw error;
}

describe('damaged pictures', () => {
  test.each(formats)(
    'of %s are decoded or refused as ERR_INPUT',
    { timeout: 600_000 },
    async (format) => {
      const whole = files.get(format)!;
      const next = uniform(whole.length);
      const below = (n: number) => Math.floor(n * next());
      let refused = 0;
      const runs = 400 * fuzz;
      for (let run = 0; run < runs; run++) {
        const bytes = damaged(whole, below);
        const begin = performance.now();
        try {
          const picture = await decodePicture(bytes);
          expect(picture.pixels.length).toBe(picture.width * picture.height * channelsOf(picture));
        } catch (error) {
          expect(refusal(error)).toBe('ERR_INPUT');
          refused++;
        }
        expect(performance.now() - begin).toBeLessThan(5000);
      }
      expect(refused).toBeGreaterThan(runs / 20);
    },
  );

  test('pass what reads headers without a picture', () => {
    const whole = [...files.values(), pngChunk('iTXt', Buffer.from('k\0\x01\0\0\0x'))];
    const next = uniform(1);
    const below = (n: number) => Math.floor(n * next());
    let refused = 0;
    const runs = 25_000 * fuzz;
    for (let run = 0; run < runs; run++) {
      const bytes = damaged(whole[run % whole.length]!, below);
      formatOf(bytes);
      countJpegScans(bytes);
      orientationInXmp(bytes);
      for (const read of [readPngHeader, (name: string, of: Buffer) => readPngText(of, name)]) {
        try {
          read('damaged', bytes);
        } catch (error) {
          expect(refusal(error)).toBe('ERR_INPUT');
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(runs);
  });
});

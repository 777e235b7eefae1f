// Pictures for tests: of seeded noise, and PNG files of every kind there is, written plainly.
import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import {
  channelsOf,
  makePicture,
  type Picture,
  type PictureFacts,
  type PictureMode,
} from '../../lib/image/picture.ts';
import { uniform } from '../support/numbers.ts';

/** A picture of noise. */
export function noise(
  mode: PictureMode,
  width: number,
  height: number,
  seed = 1,
  facts: Partial<PictureFacts> = {},
): Picture {
  const next = uniform(seed);
  const length = width * height * channelsOf({ mode });
  const pixels = Uint8Array.from({ length }, () => Math.floor(256 * next()));
  return makePicture(mode, width, height, pixels, facts);
}

export const modes = ['L', 'LA', 'RGB', 'RGBA', 'CMYK'] as const;

/** Pictures of any mode, of up to `side` pixels a side; whites and blacks are likelier than greys. */
export const pictures = (side: number): fc.Arbitrary<Picture> =>
  fc
    .record({
      mode: fc.constantFrom(...modes),
      width: fc.integer({ min: 1, max: side }),
      height: fc.integer({ min: 1, max: side }),
      contrast: fc.constantFrom(1, 4),
      seed: fc.nat(),
    })
    .map(({ mode, width, height, contrast, seed }) => {
      const { pixels } = noise(mode, width, height, seed);
      const harder = pixels.map((level) =>
        Math.min(Math.max((level - 128) * contrast + 128, 0), 255),
      );
      return makePicture(mode, width, height, harder);
    });

/** A chunk of a PNG file. */
export function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

export interface PngToWrite {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  /** PNG's number: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha. */
  readonly colour: 0 | 2 | 3 | 4 | 6;
  /** `[height, width, channels]`, in [0, 2^bits). */
  readonly samples: readonly number[];
  /** Chunks before the pixels. */
  readonly chunks?: readonly Buffer[];
}

/** A PNG file: filter 0, one data chunk. */
export function png({ width, height, bits, colour, samples, chunks = [] }: PngToWrite): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, colour, 0, 0, 0], 8);
  const perRow = samples.length / height;
  const rows = Array.from({ length: height }, (_, y) => {
    const row = Buffer.alloc(1 + Math.ceil((perRow * bits) / 8));
    samples.slice(y * perRow, (y + 1) * perRow).forEach((sample, i) => {
      if (bits === 16) row.writeUInt16BE(sample, 1 + 2 * i);
      else row[1 + ((i * bits) >> 3)]! |= sample << (8 - bits - ((i * bits) & 7));
    });
    return row;
  });
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    ...chunks,
    pngChunk('IDAT', deflateSync(Buffer.concat(rows))),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A JPEG file of 16 x 16 pixels, with a second picture that says how bright each is. */
export function jpegWithGainMap(): Promise<Buffer> {
  const { pixels } = noise('RGB', 16, 16);
  const image = sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } });
  // Not among its types.
  return (image as Sharp & { withGainMap(): Sharp }).withGainMap().jpeg().toBuffer();
}

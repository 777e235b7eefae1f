import { extname } from 'node:path';
import type { Sharp } from 'sharp';
import { StylearError } from '../error.ts';
import { replaceFile } from '../replace_file.ts';
import { loadSharp, ownBytes } from './load_sharp.ts';
import { upright } from './orientation.ts';
import { channelsOf, hasAlpha, type Picture } from './picture.ts';
import { formatNames, type PictureFormat } from './picture_format.ts';
import { withPngText } from './png_text.ts';

/** As what a picture is written. */
export interface EncodeOptions {
  /** `png` unless told. */
  readonly format?: PictureFormat | undefined;
  /** Of JPEG, WebP and AVIF, a whole number from 1 to 100; 90 unless told. */
  readonly quality?: number | undefined;
  /** Texts of a PNG by keyword, such as its prompt, seed and settings. */
  readonly text?: Readonly<Record<string, string>> | undefined;
}

/**
 * A picture as the bytes of a file. The same picture and options give the same bytes with the same
 * version of sharp. It is written as it is seen, upright.
 *
 * @throws `ERR_VALUE` when an option is out of its range, where a JPEG would lose alpha or inks,
 *         and where a WebP has no room for a side
 */
export async function encodePicture(
  picture: Picture,
  { format = 'png', quality = 90, text }: EncodeOptions = {},
): Promise<Buffer> {
  requireEncodable(picture, format, quality, text);
  const { width, height, pixels } = upright(picture);
  const channels = channelsOf(picture) as 1 | 2 | 3 | 4;
  const sharp = await loadSharp();
  // What is in memory already is no bomb.
  const image = sharp(ownBytes(pixels), {
    raw: { width, height, channels },
    limitInputPixels: false,
  });
  if (picture.mode === 'L' && format === 'png') image.toColourspace('b-w');
  const bytes = await encodeAs[format](image, quality).toBuffer();
  return text ? withPngText(bytes, text) : bytes;
}

const encodeAs: Readonly<Record<PictureFormat, (image: Sharp, quality: number) => Sharp>> = {
  png: (image) => image.png(),
  // Colours in full resolution: a picture of a model has sharp edges of colour.
  jpeg: (image, quality) => image.jpeg({ quality, chromaSubsampling: '4:4:4' }),
  webp: (image, quality) => image.webp({ quality }),
  avif: (image, quality) => image.avif({ quality }),
};

/** It has 14 bits for each. */
const maxWebpSide = 2 ** 14 - 1;

function requireEncodable(
  picture: Picture,
  format: PictureFormat,
  quality: number,
  text: EncodeOptions['text'],
): void {
  const wrong = (what: string, got: string) =>
    new StylearError('ERR_VALUE', `encodePicture: expected ${what}, got ${got}`);
  if (!Object.hasOwn(encodeAs, format)) {
    throw wrong(`format to be one of ${Object.keys(encodeAs).join(', ')}`, `${format}`);
  }
  if (!Number.isInteger(quality) || quality < 1 || quality > 100) {
    throw wrong('quality to be a whole number from 1 to 100', `${quality}`);
  }
  const side = Math.max(picture.width, picture.height);
  if (format === 'webp' && side > maxWebpSide) {
    throw wrong(`picture of a WebP to be at most ${maxWebpSide} pixels a side`, `${side}`);
  }
  if (picture.mode === 'CMYK') throw wrong('picture to be grey or RGB', 'CMYK');
  if (format === 'jpeg' && hasAlpha(picture)) {
    throw wrong('picture of a JPEG to be without alpha', picture.mode);
  }
  if (text && format !== 'png') {
    throw wrong('text for a PNG alone', `text for a ${formatNames[format]}`);
  }
}

/**
 * Writes a picture as a file. Whatever interrupts it, the path has the old content or the new.
 *
 * @param path  its end says the format, unless the options do: `.png`, `.jpg`, `.jpeg`, `.webp` or
 *              `.avif`
 * @throws `ERR_INPUT` when the file cannot be written or its end says no format; as `encodePicture`
 */
export async function writePicture(
  path: string,
  picture: Picture,
  { format = formatOfPath(path), ...options }: EncodeOptions = {},
): Promise<void> {
  const bytes = await encodePicture(picture, { format, ...options });
  await replaceFile(path, 'ERR_INPUT', (write) => write(bytes));
}

const formatOfEnd: Readonly<Record<string, PictureFormat>> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
  '.avif': 'avif',
};

function formatOfPath(path: string): PictureFormat {
  const end = extname(path).toLowerCase();
  if (Object.hasOwn(formatOfEnd, end)) return formatOfEnd[end]!;
  const ends = Object.keys(formatOfEnd).join(', ');
  throw new StylearError(
    'ERR_INPUT',
    `${path}: expected its end to be one of ${ends}, got ${end === '' ? 'none' : end}`,
  );
}

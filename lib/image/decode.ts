import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isUint8Array } from 'node:util/types';
import type { Metadata, Sharp } from 'sharp';
import { StylearError } from '../error.ts';
import { cut, shown } from '../shown.ts';
import { withoutMpf } from './jpeg_mpf.ts';
import { countJpegScans } from './jpeg_scans.ts';
import { loadSharp, ownBytes } from './load_sharp.ts';
import { orientationInXmp, orientationOf } from './orientation.ts';
import { channelsOf, hasAlpha, makePicture, type Picture, type PictureFacts } from './picture.ts';
import { describeContent, formatNames, formatOf, type PictureFormat } from './picture_format.ts';
import { pictureLimits, sizeExceeded } from './picture_limits.ts';
import { type PngHeader, readPngHeader } from './png_header.ts';

/** How a picture is read. */
export interface DecodeOptions {
  /** What errors call it, cut after 200 characters; the path unless told, or `picture`. */
  readonly name?: string | undefined;
}

/**
 * Reads a picture: JPEG, PNG, WebP or AVIF by its content, whatever it is named, and the first frame
 * where there are several. Its pixels are those that Pillow reads, bit for bit, but for AVIF, whose
 * colours its decoders compute differently, and for 16-bit grey, of which this keeps the high bytes
 * where Pillow clips it to white. EXIF's orientation is noted, not applied: see `upright`.
 *
 * What else this process reads with sharp is left as it is.
 *
 * @param source  a path, or the bytes of a file
 * @throws `ERR_INPUT` when it cannot be read, is of another format, is damaged, or is larger than
 *         {@link pictureLimits}, or when `sharp.block` keeps this process from reading its format
 */
export async function decodePicture(
  source: string | Uint8Array,
  { name: called = typeof source === 'string' ? source : 'picture' }: DecodeOptions = {},
): Promise<Picture> {
  const name = cut(called, 200);
  const bytes = await bytesOf(source, name);
  const format = formatOf(bytes);
  if (!format) {
    throw inputError(
      name,
      'the picture',
      'a JPEG, PNG, WebP or AVIF file',
      describeContent(bytes),
      { advice: 'Convert it to one of these' },
    );
  }
  requireAtMost(name, 'bytes', bytes.length, pictureLimits.bytes);
  if (format === 'jpeg') {
    requireAtMost(name, 'scans', countJpegScans(bytes), pictureLimits.jpegScans);
  }
  const png = format === 'png' ? readPngHeader(name, bytes) : undefined;
  if (png) requireSize(name, png.width, png.height);
  const sharp = await loadSharp();
  const file = format === 'jpeg' ? withoutMpf(bytes) : bytes;
  const options = { ignoreIcc: true, failOn: 'error', pages: 1 } as const;
  try {
    const metadata = await sharp(file, { ...options, limitInputPixels: false }).metadata();
    requireFormat(name, format, metadata.format);
    requireSize(name, metadata.width, metadata.height);
    const limited = sharp(file, { ...options, limitInputPixels: pictureLimits.pixels });
    return await pixelsOf(limited, metadata, png);
  } catch (cause) {
    if (cause instanceof StylearError) throw cause;
    throw undecodable(name, format, cause);
  }
}

/** That libvips takes a file for what its first bytes claim. */
function requireFormat(name: string, claimed: PictureFormat, found: string): void {
  if (found === (claimed === 'avif' ? 'heif' : claimed)) return;
  throw inputError(name, 'the picture', `a whole ${formatNames[claimed]} file`, `one of ${found}`);
}

/** What libvips calls the loaders of the formats. */
const loaders: Readonly<Record<PictureFormat, string>> = {
  jpeg: 'VipsForeignLoadJpeg',
  png: 'VipsForeignLoadPng',
  webp: 'VipsForeignLoadWebp',
  avif: 'VipsForeignLoadHeif',
};

function undecodable(name: string, format: PictureFormat, cause: unknown): StylearError {
  const [reason] = (cause as Error).message.split('\n');
  // What `formatOf` knows, a loader takes; so there is none.
  if (reason?.includes('unsupported image format')) {
    const advice = `Unblock its loader, ${loaders[format]}`;
    const expected = 'a format that sharp reads in this process';
    return inputError(name, formatNames[format], expected, 'one that it does not', {
      advice,
      cause,
    });
  }
  return inputError(name, 'the picture', `a whole ${formatNames[format]} file`, `${reason}`, {
    cause,
  });
}

/** How what is not bytes becomes some, by its class. */
const remedies = new Map([
  ['a Sharp', 'Pass what its toBuffer() resolves to'],
  ['a URL', 'Pass fileURLToPath() of it'],
  ['an ArrayBuffer', 'Pass a new Uint8Array of it'],
]);

async function bytesOf(source: unknown, name: string): Promise<Uint8Array> {
  if (typeof source === 'string') return readBytes(source, name);
  if (isUint8Array(source)) return ownBytes(source);
  const expected = 'a path or a Uint8Array of the bytes of a file';
  const got = shown(source);
  throw inputError(name, 'the source', expected, got, { advice: remedies.get(got) });
}

async function readBytes(path: string, name: string): Promise<Buffer> {
  let file: FileHandle | undefined;
  try {
    // Without waiting for the other end, should it be a pipe.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) throw inputError(name, 'the path', 'a regular file', 'something else');
    requireAtMost(name, 'bytes', stat.size, pictureLimits.bytes);
    return await file.readFile();
  } catch (cause) {
    if (cause instanceof StylearError) throw cause;
    // The message has the path in it.
    const reason = cut((cause as Error).message, 300);
    throw inputError(name, 'the picture', 'readable', reason, { cause });
  } finally {
    await file?.close();
  }
}

/** Takes the channels that Pillow would have from those that libvips decodes. */
async function pixelsOf(
  image: Sharp,
  metadata: Metadata,
  png: PngHeader | undefined,
): Promise<Picture> {
  const { mode, ...facts } = png ? factsOfPng(png) : { mode: modeOf(metadata) };
  const deep = metadata.depth === 'ushort';
  // Without these, ink and 16-bit samples are converted to 8-bit sRGB on the way.
  if (deep || mode === 'CMYK') {
    image.pipelineColourspace(metadata.space).toColourspace(metadata.space);
  }
  const { data, info } = await image
    .raw({ depth: deep ? 'ushort' : 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const orientation = orientationOf(
    metadata.orientation ?? (metadata.xmp && orientationInXmp(metadata.xmp)),
  );
  const pixels = pick(data, info.channels, deep ? 2 : 1, mode);
  return makePicture(mode, info.width, info.height, pixels, { ...facts, orientation });
}

type Mode = Picture['mode'];

/** What Pillow makes of the pixels of a PNG. */
function factsOfPng({
  bits,
  colour,
  transparency,
}: PngHeader): Partial<PictureFacts> & { readonly mode: Mode } {
  if (colour === 'palette') {
    return { mode: transparency?.length ? 'RGBA' : 'RGB', paletted: true };
  }
  if (colour !== 'L') return { mode: colour };
  const paletted = bits === 1;
  if (!transparency || transparency.length < 2) return { mode: 'L', paletted };
  if (bits === 16) return { mode: 'LA' };
  const level = transparency.readUInt16BE();
  return { mode: 'L', paletted, transparentLevel: paletted && level > 0 ? 255 : level };
}

function modeOf({ space, hasAlpha }: Metadata): Mode {
  if (space === 'cmyk') return 'CMYK';
  if (space === 'b-w') return 'L';
  return hasAlpha ? 'RGBA' : 'RGB';
}

/**
 * The channels of a mode from samples that may have more: grey may be there three times, and a level
 * that is transparent as alpha. Of 16-bit samples, which are little-endian, the high bytes.
 */
function pick(samples: Uint8Array, decoded: number, sampleBytes: 1 | 2, mode: Mode): Uint8Array {
  const channels = channelsOf({ mode });
  const alpha = hasAlpha({ mode }) ? channels - 1 : -1;
  if (decoded < channels || (alpha > 0 && decoded % 2 === 1)) {
    throw new Error(`${decoded} channels where its header says ${mode}`);
  }
  if (decoded === channels && sampleBytes === 1) return samples;
  const pixels = new Uint8Array((samples.length / decoded / sampleBytes) * channels);
  for (let first = 0, at = 0; at < pixels.length; first += decoded, at += channels) {
    for (let i = 0; i < channels; i++) {
      const sample = first + (i === alpha ? decoded - 1 : i);
      pixels[at + i] = samples[(sample + 1) * sampleBytes - 1]!;
    }
  }
  return pixels;
}

function requireSize(name: string, width: number, height: number): void {
  const got = `${width} x ${height}`;
  if (!(width >= 1 && height >= 1)) {
    throw inputError(name, 'the picture', 'at least 1 pixel a side', got);
  }
  const exceeded = sizeExceeded(width, height);
  if (exceeded) {
    throw inputError(name, 'the picture', exceeded, got, { advice: 'Scale it down first' });
  }
}

function requireAtMost(name: string, unit: string, count: number, most: number): void {
  if (count > most) {
    throw inputError(name, 'the picture', `of at most ${most} ${unit}`, `${count}`);
  }
}

function inputError(
  name: string,
  what: string,
  expected: string,
  got: string,
  { advice, cause }: { readonly advice?: string | undefined; readonly cause?: unknown } = {},
): StylearError {
  const message = `${name}: expected ${what} to be ${expected}, got ${got}`;
  return new StylearError('ERR_INPUT', advice ? `${message}. ${advice}` : message, { cause });
}

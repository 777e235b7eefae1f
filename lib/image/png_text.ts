// Words in a PNG file: `tEXt` chunks of Latin-1, `iTXt` of UTF-8 (PNG specification, 11.3.3).
import { crc32, inflateSync } from 'node:zlib';
import { StylearError } from '../error.ts';
import { formatOf } from './picture_format.ts';
import { type PngChunk, pngChunks } from './png_chunks.ts';

/** What is read at most, of a file made by others: bytes of a text, and texts. */
const most = { bytes: 2 ** 20, texts: 256 } as const;

/** What a keyword may be: Latin-1 that prints, no space at its ends or two in a row. */
const keyword = /^(?=.{1,79}$)[!-~\xa1-\xff]+( [!-~\xa1-\xff]+)*$/s;

/**
 * A PNG file with texts added in front of its pixels, each under a keyword.
 *
 * @throws `ERR_VALUE` when a keyword is none, or a text has a character 0
 */
export function withPngText(png: Uint8Array, texts: Readonly<Record<string, string>>): Buffer {
  const chunks = Object.entries(texts).map(([key, text]) => textChunk(key, text));
  const file = Buffer.from(png.buffer, png.byteOffset, png.length);
  for (const { type, offset } of pngChunks('png', png)) {
    if (type !== 'IDAT') continue;
    return Buffer.concat([file.subarray(0, offset), ...chunks, file.subarray(offset)]);
  }
  throw new StylearError('ERR_VALUE', 'withPngText: expected png to have pixels, got none');
}

function textChunk(key: string, text: string): Buffer {
  const where = `withPngText: expected`;
  if (!keyword.test(key)) {
    const rule = '1 to 79 printable characters of Latin-1';
    throw new StylearError('ERR_VALUE', `${where} a keyword to be ${rule}, got ${quote(key)}`);
  }
  if (text.includes('\0')) {
    throw new StylearError(
      'ERR_VALUE',
      `${where} the text of ${quote(key)} to be without 0, got one`,
    );
  }
  const head = Buffer.from(`${key}\0`, 'latin1');
  // Without compression, language and translated keyword.
  return /^[\n -~\xa0-\xff]*$/.test(text)
    ? chunk('tEXt', Buffer.concat([head, Buffer.from(text, 'latin1')]))
    : chunk('iTXt', Buffer.concat([head, Buffer.from([0, 0, 0, 0]), Buffer.from(text, 'utf8')]));
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, checksum]);
}

/**
 * The texts of a PNG file, by keyword; of a keyword that is there twice, the last. Texts that are too
 * long or damaged are left out, and so are those after the 256th: whoever made the file chose them.
 *
 * @param name  what errors call the file
 * @throws `ERR_INPUT` when it is not a PNG file, or a chunk does not lie inside it
 */
export function readPngText(png: Uint8Array, name = 'picture'): ReadonlyMap<string, string> {
  if (formatOf(png) !== 'png') {
    throw new StylearError(
      'ERR_INPUT',
      `${name}: expected the picture to be a PNG file, got another`,
    );
  }
  const texts = new Map<string, string>();
  for (const part of pngChunks(name, png)) {
    if (texts.size >= most.texts) break;
    const found = textOf(part);
    if (found) texts.set(...found);
  }
  return texts;
}

function textOf({ type, data }: PngChunk): [key: string, text: string] | undefined {
  if (type !== 'tEXt' && type !== 'zTXt' && type !== 'iTXt') return undefined;
  const end = data.indexOf(0);
  const key = data.toString('latin1', 0, Math.max(end, 0));
  if (!keyword.test(key)) return undefined;
  const rest = data.subarray(end + 1);
  if (type === 'tEXt') return decoded(key, rest, 'latin1');
  // A byte for the method of compression; of iTXt also one before it, for whether there is any.
  if (type === 'zTXt') return decoded(key, inflated(rest.subarray(1)), 'latin1');
  const compressed = rest[0] === 1;
  const language = rest.indexOf(0, 2);
  const translated = language < 0 ? -1 : rest.indexOf(0, language + 1);
  if (translated < 0) return undefined;
  const text = rest.subarray(translated + 1);
  return decoded(key, compressed ? inflated(text) : text, 'utf8');
}

function decoded(
  key: string,
  text: Buffer | undefined,
  encoding: 'latin1' | 'utf8',
): [string, string] | undefined {
  if (!text || text.length > most.bytes) return undefined;
  return [key, text.toString(encoding)];
}

function inflated(data: Buffer): Buffer | undefined {
  try {
    return inflateSync(data, { maxOutputLength: most.bytes });
  } catch {
    return undefined;
  }
}

const quote = (text: string): string => JSON.stringify(text.slice(0, 80));

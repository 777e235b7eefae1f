import { StylearError } from '../error.ts';

/** A part of a PNG file (RFC 2083 and its successor, 5.3). */
export interface PngChunk {
  /** Four letters. */
  readonly type: string;
  readonly data: Buffer;
  /** Where it begins in the file, its length field included. */
  readonly offset: number;
}

/** Bytes before the first chunk. */
const signatureBytes = 8;

/**
 * The chunks of a PNG file in order, checked for lying inside it; their checksums are not looked at.
 *
 * @param name  what errors call the file
 * @throws `ERR_INPUT` on reaching a chunk that does not lie inside
 */
export function* pngChunks(name: string, bytes: Uint8Array): Generator<PngChunk> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let offset = signatureBytes; offset < file.length; ) {
    const left = file.length - offset - 12;
    const length = left < 0 ? 0 : file.readUInt32BE(offset);
    if (length > left) {
      throw new StylearError(
        'ERR_INPUT',
        `${name}: expected the chunk at byte ${offset} to be inside the file, got a file of ` +
          `${file.length} bytes`,
      );
    }
    const begin = offset + 8;
    const type = file.toString('latin1', offset + 4, begin);
    yield { type, data: file.subarray(begin, begin + length), offset };
    if (type === 'IEND') return;
    offset = begin + length + 4;
  }
}

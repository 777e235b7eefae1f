import { StylearError } from '../error.ts';
import { pngChunks } from './png_chunks.ts';

/** What a PNG file says about its pixels, and its decoder does not pass on. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Of a sample: 1, 2, 4, 8 or 16. */
  readonly bits: number;
  readonly colour: 'L' | 'RGB' | 'palette' | 'LA' | 'RGBA';
  /** The `tRNS` chunk: alphas of a palette, or the sample values that are transparent. */
  readonly transparency: Buffer | undefined;
}

/** By PNG's number of the colour type. */
const colours: Readonly<Record<number, PngHeader['colour']>> = {
  0: 'L',
  2: 'RGB',
  3: 'palette',
  4: 'LA',
  6: 'RGBA',
};

/**
 * Reads the chunks of a PNG file that come before its pixels.
 *
 * @param name  what errors call the file
 * @throws `ERR_INPUT`
 */
export function readPngHeader(name: string, bytes: Uint8Array): PngHeader {
  let header: Omit<PngHeader, 'transparency'> | undefined;
  let transparency: Buffer | undefined;
  for (const { type, data } of pngChunks(name, bytes)) {
    if (!header) {
      const colour = colours[data[9] ?? -1];
      if (type !== 'IHDR' || data.length !== 13 || !colour) {
        throw new StylearError(
          'ERR_INPUT',
          `${name}: expected the first chunk to be the header of a PNG, got ${JSON.stringify(type)} ` +
            `of ${data.length} bytes`,
        );
      }
      const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
      header = { width, height, bits: data[8]!, colour };
    } else if (type === 'tRNS') {
      transparency = data;
    } else if (type === 'IDAT') {
      return { ...header, transparency };
    }
  }
  throw new StylearError('ERR_INPUT', `${name}: expected the PNG to have pixels, got none`);
}

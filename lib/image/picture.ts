import { isUint8Array } from 'node:util/types';
import { StylearError } from '../error.ts';
import { shown } from '../shown.ts';

/** How the channels of a pixel are read, by Pillow's names: L is grey, A alpha, not premultiplied. */
export type PictureMode = 'L' | 'LA' | 'RGB' | 'RGBA' | 'CMYK';

/** What EXIF says must be done to see a picture upright; 1 is nothing. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** A picture in memory. Its pixels are not changed once it is made. */
export interface Picture extends PictureFacts {
  /** Pixels, at least 1. */
  readonly width: number;
  /** Pixels, at least 1. */
  readonly height: number;
  readonly mode: PictureMode;
  /** `[height, width, channels]`, row-major. */
  readonly pixels: Uint8Array;
}

/** What is known of a picture beside its pixels, and changes what the reference does with it. */
export interface PictureFacts {
  /**
   * From a palette, or of 1 bit: Pillow resizes such pictures to the nearest pixel, whatever filter
   * is asked for. The palette itself is applied.
   */
  readonly paletted: boolean;
  /** The level of mode L that stands for transparency. */
  readonly transparentLevel: number | undefined;
  /** Not yet applied to the pixels. */
  readonly orientation: Orientation;
}

const channels: Readonly<Record<PictureMode, number>> = { L: 1, LA: 2, RGB: 3, RGBA: 4, CMYK: 4 };

/** How many channels the pixels of a picture have. */
export const channelsOf = ({ mode }: Pick<Picture, 'mode'>): number => channels[mode];

/** Whether the last channel is alpha. */
export const hasAlpha = ({ mode }: Pick<Picture, 'mode'>): boolean =>
  mode === 'LA' || mode === 'RGBA';

/**
 * A picture from its pixels, which it keeps.
 *
 * @param width   pixels, a whole number from 1; unlike that of a file it is not limited
 * @param height  as `width`
 * @param pixels  `[height, width, channels]`
 * @param facts   unless told it is upright, not paletted, and no level is transparent
 * @throws `ERR_VALUE` when the mode is none, a number is out of its range, or the size and the number
 *         of bytes do not belong together
 */
export function makePicture(
  mode: PictureMode,
  width: number,
  height: number,
  pixels: Uint8Array,
  facts: { readonly [Fact in keyof PictureFacts]?: PictureFacts[Fact] | undefined } = {},
): Picture {
  const { paletted = false, transparentLevel, orientation = 1 } = facts;
  const picture = { mode, width, height, pixels, paletted, transparentLevel, orientation };
  const fault = faultOf(picture);
  if (fault) throw new StylearError('ERR_VALUE', `picture: expected ${fault}`);
  return picture;
}

/** What keeps fields from being those of a picture: `<field> to be <this>, got <that>`. */
export function faultOf(
  fields: {
    readonly [Field in keyof Picture]?: unknown;
  },
): string | undefined {
  const { mode, width, height, pixels, paletted, transparentLevel, orientation } = fields;
  if (typeof mode !== 'string' || !Object.hasOwn(channels, mode)) {
    return `mode to be one of ${Object.keys(channels).join(', ')}, got ${shown(mode)}`;
  }
  for (const [side, extent] of Object.entries({ width, height })) {
    if (!isWhole(extent, 1, Number.MAX_SAFE_INTEGER)) {
      return `${side} to be a whole number from 1, got ${shown(extent)}`;
    }
  }
  if (!isUint8Array(pixels)) return `pixels to be a Uint8Array, got ${shown(pixels)}`;
  const bytes = Number(width) * Number(height) * channels[mode as PictureMode];
  if (pixels.length !== bytes) {
    return (
      `pixels of a ${width} x ${height} picture of mode ${mode} to be ${bytes} bytes, ` +
      `got ${pixels.length}`
    );
  }
  if (paletted !== undefined && typeof paletted !== 'boolean') {
    return `paletted to be true or false, got ${shown(paletted)}`;
  }
  if (transparentLevel !== undefined && !isWhole(transparentLevel, 0, 255)) {
    const expected = 'a whole number from 0 to 255 or undefined';
    return `transparentLevel to be ${expected}, got ${shown(transparentLevel)}`;
  }
  if (transparentLevel !== undefined && mode !== 'L') {
    return `transparentLevel to be undefined in mode ${mode}, got ${shown(transparentLevel)}`;
  }
  if (!isWhole(orientation, 1, 8)) {
    return `orientation to be a whole number from 1 to 8, got ${shown(orientation)}`;
  }
  return undefined;
}

const isWhole = (value: unknown, least: number, most: number): boolean =>
  Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most;

/**
 * The part of a picture that begins at `left` and `top`.
 *
 * @param width  pixels, as all four: whole numbers
 * @throws `ERR_VALUE` when there is no such part of at least one pixel
 */
export function crop(
  picture: Picture,
  left: number,
  top: number,
  width: number,
  height: number,
): Picture {
  requirePart('crop', 'left, top, width and height', { left, top, width, height }, picture);
  if (width === picture.width && height === picture.height) return picture;
  const pixelBytes = channelsOf(picture);
  const rowBytes = width * pixelBytes;
  const pixels = new Uint8Array(height * rowBytes);
  for (let y = 0; y < height; y++) {
    const begin = ((top + y) * picture.width + left) * pixelBytes;
    pixels.set(picture.pixels.subarray(begin, begin + rowBytes), y * rowBytes);
  }
  return { ...picture, width, height, pixels };
}

/**
 * That some rectangle is a part of a whole, and has a pixel.
 *
 * @param what  what errors call the rectangle
 * @throws `ERR_VALUE`
 */
export function requirePart(
  where: string,
  what: string,
  { left, top, width, height }: Readonly<Record<'left' | 'top' | 'width' | 'height', number>>,
  whole: Pick<Picture, 'width' | 'height'>,
): void {
  const isPart = (begin: number, extent: number, of: number) =>
    isWhole(begin, 0, of) && isWhole(extent, 1, of - begin);
  if (isPart(left, width, whole.width) && isPart(top, height, whole.height)) return;
  throw new StylearError(
    'ERR_VALUE',
    `${where}: expected ${what} to be a part of ${whole.width} x ${whole.height} pixels, got ` +
      `${width} x ${height} at ${left}, ${top}`,
  );
}

import { StylearError } from '../error.ts';

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
 * @param pixels  `[height, width, channels]`
 * @throws `ERR_VALUE` when the size and the number of bytes do not belong together
 */
export function makePicture(
  mode: PictureMode,
  width: number,
  height: number,
  pixels: Uint8Array,
  { paletted = false, transparentLevel, orientation = 1 }: Partial<PictureFacts> = {},
): Picture {
  for (const [side, extent] of Object.entries({ width, height })) {
    if (!Number.isSafeInteger(extent) || extent < 1) {
      throw new StylearError(
        'ERR_VALUE',
        `picture: expected ${side} to be a whole number from 1, got ${extent}`,
      );
    }
  }
  const bytes = width * height * channels[mode];
  if (pixels.length !== bytes) {
    throw new StylearError(
      'ERR_VALUE',
      `picture: expected pixels of a ${width} x ${height} picture of mode ${mode} to be ${bytes} ` +
        `bytes, got ${pixels.length}`,
    );
  }
  return { mode, width, height, pixels, paletted, transparentLevel, orientation };
}

/** The part of a picture that begins at `left` and `top`; it must lie inside. */
export function crop(
  picture: Picture,
  left: number,
  top: number,
  width: number,
  height: number,
): Picture {
  if (left === 0 && top === 0 && width === picture.width && height === picture.height) {
    return picture;
  }
  const pixelBytes = channelsOf(picture);
  const rowBytes = width * pixelBytes;
  const pixels = new Uint8Array(height * rowBytes);
  for (let y = 0; y < height; y++) {
    const begin = ((top + y) * picture.width + left) * pixelBytes;
    pixels.set(picture.pixels.subarray(begin, begin + rowBytes), y * rowBytes);
  }
  return { ...picture, width, height, pixels };
}

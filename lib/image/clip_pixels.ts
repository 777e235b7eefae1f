import type { ClipPreprocessing } from './clip_preprocessing.ts';
import { toRgb } from './convert.ts';
import { upright } from './orientation.ts';
import type { Picture } from './picture.ts';
import { resize } from './resize.ts';

/** How the pixels for CLIP are laid out. */
export interface ClipPixelsOptions {
  /** The order of the axes: `NHWC`, as devices have it, unless told. */
  readonly layout?: 'NHWC' | 'NCHW' | undefined;
}

/**
 * Pictures as CLIP takes them: upright, without alpha, the short side resized, the middle cropped,
 * `(x / 255 - mean) / std` of the levels. Nothing else runs meanwhile: each picture of the largest size
 * takes some tenths of a second.
 *
 * @param pictures  at least one, of any sizes; what is transparent shows what lies under it, see
 *                  `onBackground`
 * @returns `[images, crop.height, crop.width, 3]`, or `[images, 3, crop.height, crop.width]`; f32
 */
export function clipPixels(
  pictures: readonly Picture[],
  preprocessing: ClipPreprocessing,
  { layout = 'NHWC' }: ClipPixelsOptions = {},
): Float32Array {
  const { crop } = preprocessing;
  const area = crop.height * crop.width;
  const table = normalisedLevels(preprocessing);
  const out = new Float32Array(pictures.length * area * 3);
  const [ofPixel, ofChannel] = layout === 'NHWC' ? [3, 1] : [1, area];
  for (const [image, picture] of pictures.entries()) {
    const { pixels } = clipCrop(picture, preprocessing);
    for (let pixel = 0; pixel < area; pixel++) {
      for (let channel = 0; channel < 3; channel++) {
        const at = image * area * 3 + pixel * ofPixel + channel * ofChannel;
        out[at] = table[channel * 256 + pixels[pixel * 3 + channel]!]!;
      }
    }
  }
  return out;
}

/** The part of a picture that CLIP sees, as 8-bit RGB of the size it takes. */
export function clipCrop(
  picture: Picture,
  { shortSide, crop, filter }: ClipPreprocessing,
): Picture {
  const rgb = toRgb(upright(picture));
  const { width, height } = rgb;
  const long = Math.trunc((shortSide * Math.max(width, height)) / Math.min(width, height));
  const [columns, rows] = width <= height ? [shortSide, long] : [long, shortSide];
  const left = Math.floor((columns - crop.width) / 2);
  const top = Math.floor((rows - crop.height) / 2);
  return resize(rgb, columns, rows, { filter, window: { left, top, ...crop } });
}

/** `[3, 256]`: what becomes of each level of each channel, rounded to f32 at every step. */
function normalisedLevels({ rescale, mean, std }: ClipPreprocessing): Float32Array {
  return Float32Array.from({ length: 3 * 256 }, (_, i) => {
    const channel = i >> 8;
    const centred = Math.fround(Math.fround((i & 0xff) * rescale) - Math.fround(mean[channel]!));
    return centred / Math.fround(std[channel]!);
  });
}

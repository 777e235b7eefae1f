import { StylearError } from '../error.ts';
import { onBackground } from './background.ts';
import { makePicture, type Picture } from './picture.ts';

/** `x / 255 * 2 - 1` in float64, rounded to f32. */
const values = Float32Array.from({ length: 256 }, (_, level) => (level / 255) * 2 - 1);

/**
 * The pixels of a picture as the VQGAN takes them: in [-1, 1], on white where it is transparent.
 *
 * @returns `[height, width, 3]`, f32
 */
export function vqganPixels(picture: Picture): Float32Array {
  const { pixels } = onBackground(picture, 'white');
  const out = new Float32Array(pixels.length);
  for (let i = 0; i < out.length; i++) out[i] = values[pixels[i]!]!;
  return out;
}

/**
 * The picture that the VQGAN has decoded: `(x + 1) / 2 * 255` of what is clamped to [-1, 1], in f32,
 * cut to whole levels.
 *
 * @param pixels  `[height, width, 3]`, f32
 * @throws `ERR_VALUE` when a pixel is not a number, or their count is another
 */
export function pictureOfVqganPixels(pixels: Float32Array, width: number, height: number): Picture {
  const levels = new Uint8Array(pixels.length);
  for (let i = 0; i < levels.length; i++) {
    const x = pixels[i]!;
    if (Number.isNaN(x)) {
      throw new StylearError(
        'ERR_VALUE',
        `pictureOfVqganPixels: expected pixels to be numbers, got NaN at ${i}`,
      );
    }
    const share = Math.fround(Math.fround(Math.min(Math.max(x, -1), 1) + 1) / 2);
    levels[i] = Math.fround(share * 255);
  }
  return makePicture('RGB', width, height, levels);
}

import { StylearError } from '../error.ts';
import { greysOf, toRgb } from './convert.ts';
import { channelsOf, hasAlpha, makePicture, type Picture } from './picture.ts';

/** Levels of red, green and blue, in [0, 255]. */
export type Colour = readonly [red: number, green: number, blue: number];

/** What shows where a picture is transparent; `mean` is the mean colour of what CLIP was trained on. */
export type Background = 'white' | 'black' | 'mean' | Colour;

const named: Readonly<Record<'white' | 'black' | 'mean', Colour>> = {
  white: [255, 255, 255],
  black: [0, 0, 0],
  mean: [123, 117, 104],
};

/**
 * A picture put on a colour, as RGB: `(1 - a) background + a colour` in float64, cut to whole levels,
 * as the reference puts pictures on white. A picture without transparency keeps its pixels.
 *
 * @throws `ERR_VALUE` when a level is out of its range
 */
export function onBackground(picture: Picture, background: Background = 'white'): Picture {
  const colour = typeof background === 'string' ? named[background] : background;
  if (!colour.every((level) => level >= 0 && level <= 255)) {
    throw new StylearError(
      'ERR_VALUE',
      `onBackground: expected background to be levels from 0 to 255, got ${colour.join(', ')}`,
    );
  }
  const rgb = toRgb(picture);
  const alphas = alphasOf(picture);
  if (!alphas) return rgb;
  const pixels = new Uint8Array(rgb.pixels.length);
  for (let i = 0, at = 0; i < alphas.length; i++) {
    const alpha = alphas[i]! / 255;
    for (let channel = 0; channel < 3; channel++, at++) {
      pixels[at] = Math.trunc((1 - alpha) * colour[channel]! + alpha * rgb.pixels[at]!);
    }
  }
  return { ...rgb, pixels };
}

/** The alpha of every pixel, `[height, width]`; undefined when there is none. */
function alphasOf(picture: Picture): Uint8Array | undefined {
  const { width, height, pixels, transparentLevel } = picture;
  if (!hasAlpha(picture)) {
    if (transparentLevel === undefined) return undefined;
    return pixels.map((level) => (level === transparentLevel ? 0 : 255));
  }
  const channels = channelsOf(picture);
  const alphas = new Uint8Array(width * height);
  for (let i = 0; i < alphas.length; i++) alphas[i] = pixels[(i + 1) * channels - 1]!;
  return alphas;
}

/**
 * A picture of its subject alone: RGBA, with a mask in the place of any alpha it had.
 *
 * @param mask  of the same size and orientation; its alpha where it has one, else how light it is,
 *              white being the subject
 * @throws `ERR_INPUT` when the sizes differ
 */
export function cutOut(picture: Picture, mask: Picture): Picture {
  const { width, height, orientation } = picture;
  if (mask.width !== width || mask.height !== height || mask.orientation !== orientation) {
    const sizeOf = (of: Picture) => `${of.width} x ${of.height} of orientation ${of.orientation}`;
    throw new StylearError(
      'ERR_INPUT',
      `cutOut: expected mask to be ${sizeOf(picture)} like the picture, got ${sizeOf(mask)}`,
    );
  }
  const { pixels: rgb } = toRgb(picture);
  const alphas = alphasOf(mask) ?? greysOf(mask);
  const pixels = new Uint8Array(width * height * 4);
  for (let i = 0; i < alphas.length; i++) {
    for (let channel = 0; channel < 3; channel++) pixels[4 * i + channel] = rgb[3 * i + channel]!;
    pixels[4 * i + 3] = alphas[i]!;
  }
  return makePicture('RGBA', width, height, pixels, { orientation });
}

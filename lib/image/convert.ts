import { channelsOf, makePicture, type Picture } from './picture.ts';

/**
 * A picture as RGB, as Pillow's `convert("RGB")`: alpha is dropped and what lies under it shows; inks
 * are multiplied as if they were filters, without a colour profile.
 */
export function toRgb(picture: Picture): Picture {
  const { mode, width, height, orientation, pixels: from } = picture;
  if (mode === 'RGB') return { ...picture, paletted: false };
  const channels = channelsOf(picture);
  const [green, blue] = mode === 'L' || mode === 'LA' ? [0, 0] : [1, 2];
  const pixels = new Uint8Array(width * height * 3);
  for (let at = 0, pixel = 0; at < pixels.length; at += 3, pixel += channels) {
    pixels[at] = from[pixel]!;
    pixels[at + 1] = from[pixel + green]!;
    pixels[at + 2] = from[pixel + blue]!;
    if (mode === 'CMYK') light(pixels, at, from[pixel + 3]!);
  }
  return makePicture('RGB', width, height, pixels, { orientation });
}

/** Turns three inks into the light that they and black let through. */
function light(pixels: Uint8Array, at: number, black: number): void {
  const white = 255 - black;
  for (let i = at; i < at + 3; i++) {
    const product = pixels[i]! * white + 128;
    pixels[i] = Math.max(white - ((product + (product >> 8)) >> 8), 0);
  }
}

/** How light every pixel is, `[height, width]`: ITU-R BT.601's weights as Pillow rounds them. */
export function greysOf(picture: Picture): Uint8Array {
  if (picture.mode === 'L') return picture.pixels;
  const { width, height, pixels } = toRgb(picture);
  const greys = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < greys.length; i++, at += 3) {
    const sum = 19595 * pixels[at]! + 38470 * pixels[at + 1]! + 7471 * pixels[at + 2]!;
    greys[i] = (sum + 2 ** 15) >> 16;
  }
  return greys;
}

import { greysOf } from '../image/convert.ts';
import type { Picture } from '../image/picture.ts';
import { pictureOfVqganPixels, vqganPixels } from '../image/vqgan_pixels.ts';
import type { Vqgan } from '../models/vqgan.ts';
import { scope } from '../tensor/scope.ts';

/** Pictures that go through a VQGAN at once. */
const batch = 16;

/**
 * What a VQGAN gives back of pictures.
 *
 * @param pictures  of one size, its sides multiples of the VQGAN's downsampling
 */
export async function reconstructed(
  vqgan: Vqgan,
  pictures: readonly Picture[],
): Promise<Picture[]> {
  const { device } = vqgan.codebook;
  const results: Picture[] = [];
  for (let at = 0; at < pictures.length; at += batch) {
    const part = pictures.slice(at, at + batch);
    const { width, height } = part[0]!;
    const area = width * height * 3;
    const pixels = new Float32Array(part.length * area);
    part.forEach((picture, i) => {
      pixels.set(vqganPixels(picture), i * area);
    });
    const decoded = scope(() =>
      vqgan.decode(vqgan.encode(device.from(pixels, [part.length, height, width, 3]))),
    );
    const values = (await decoded.read()) as Float32Array;
    decoded.dispose();
    for (let i = 0; i < part.length; i++)
      results.push(pictureOfVqganPixels(values.slice(i * area, (i + 1) * area), width, height));
  }
  return results;
}

/**
 * Peak signal to noise ratio in decibels, over the levels of all channels; infinite for equal pictures.
 *
 * @param b  of the size of `a`; both RGB
 */
export function psnr(a: Picture, b: Picture): number {
  let squares = 0;
  for (let i = 0; i < a.pixels.length; i++) squares += (a.pixels[i]! - b.pixels[i]!) ** 2;
  return 10 * Math.log10((255 ** 2 * a.pixels.length) / squares);
}

const windowSide = 8;
const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];

/**
 * Structural similarity (Wang et al. 2004) of how light pixels are: the mean over all windows of 8 x 8,
 * every fourth pixel a window.
 *
 * @param b  of the size of `a`
 * @returns  at most 1, that of equal pictures
 */
export function ssim(a: Picture, b: Picture): number {
  const { width, height } = a;
  const [x, y] = [greysOf(a), greysOf(b)];
  const count = windowSide ** 2;
  const values: number[] = [];
  for (let top = 0; top + windowSide <= height; top += windowSide / 2) {
    for (let left = 0; left + windowSide <= width; left += windowSide / 2) {
      let [sx, sy, sxx, syy, sxy] = [0, 0, 0, 0, 0];
      for (let row = top; row < top + windowSide; row++) {
        for (let at = row * width + left; at < row * width + left + windowSide; at++) {
          const [u, v] = [x[at]!, y[at]!];
          sx += u;
          sy += v;
          sxx += u * u;
          syy += v * v;
          sxy += u * v;
        }
      }
      const [mx, my] = [sx / count, sy / count];
      const covariance = sxy / count - mx * my;
      const variances = sxx / count - mx * mx + syy / count - my * my;
      values.push(
        ((2 * mx * my + c1) * (2 * covariance + c2)) /
          ((mx * mx + my * my + c1) * (variances + c2)),
      );
    }
  }
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

import type { Picture } from '../image/picture.ts';
import { pictureOfVqganPixels, vqganPixels } from '../image/vqgan_pixels.ts';
import type { Vqgan } from '../models/vqgan.ts';
import { scope } from '../tensor/scope.ts';
import { pairedGrid } from './paired_grid.ts';

/**
 * Pictures, and below each what its codes give back.
 *
 * @param pictures  at least one; sides that are multiples of the VQGAN's downsampling
 */
export async function reconstructionSheet(
  vqgan: Vqgan,
  pictures: readonly Picture[],
): Promise<Picture> {
  const decoded: Picture[] = [];
  for (const picture of pictures) decoded.push(await reconstructed(vqgan, picture));
  return pairedGrid(pictures, decoded);
}

/** Through codes and back. */
async function reconstructed(vqgan: Vqgan, picture: Picture): Promise<Picture> {
  const { width, height } = picture;
  const { device } = vqgan.codebook;
  const pixels = scope(() =>
    vqgan.decode(vqgan.encode(device.from(vqganPixels(picture), [1, height, width, 3]))),
  );
  const values = (await pixels.read()) as Float32Array;
  pixels.dispose();
  return pictureOfVqganPixels(values, width, height);
}

import type { Picture } from '../image/picture.ts';
import { pictureGrid } from '../image/picture_grid.ts';
import { pictureOfVqganPixels, vqganPixels } from '../image/vqgan_pixels.ts';
import type { Vqgan } from '../models/vqgan.ts';
import { scope } from '../tensor/scope.ts';

/** Pictures in a row. */
const columns = 8;

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
  const rows: Picture[][] = [];
  for (let begin = 0; begin < pictures.length; begin += columns)
    for (const half of [pictures, decoded]) rows.push(half.slice(begin, begin + columns));
  return pictureGrid(rows);
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

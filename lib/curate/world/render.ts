import { StylearError } from '../../error.ts';
import { loadSharp } from '../../image/load_sharp.ts';
import { makePicture, type Picture } from '../../image/picture.ts';
import type { Svg } from './svg.ts';

/** Pixels a side that a drawing may be rendered at. */
export const renderSizes = { least: 16, most: 1024 } as const;

/**
 * The pixels of a drawing, mode RGB. The same drawing and size give the same bytes with the same
 * librsvg (part of sharp); no fonts are needed.
 *
 * Only what this room drew is ever passed to librsvg, which is why this takes an `Svg`: pictures
 * from outside are read by `decodePicture`, which refuses SVG by its content.
 *
 * @param size  pixels a side, a whole number within {@link renderSizes}
 * @throws `ERR_VALUE` when the size is out of range
 */
export async function render(drawing: Svg, size: number): Promise<Picture> {
  const { least, most } = renderSizes;
  if (!Number.isInteger(size) || size < least || size > most) {
    throw new StylearError(
      'ERR_VALUE',
      `render: expected size to be a whole number from ${least} to ${most}, got ${size}`,
    );
  }
  const sharp = await loadSharp();
  const { data, info } = await sharp(Buffer.from(drawing.text(size)))
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return makePicture('RGB', info.width, info.height, new Uint8Array(data));
}

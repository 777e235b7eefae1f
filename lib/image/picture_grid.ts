import { StylearError } from '../error.ts';
import { onBackground } from './background.ts';
import { channelsOf, makePicture, type Picture } from './picture.ts';
import { resize } from './resize.ts';

/** How pictures are set side by side. */
export interface PictureGridOptions {
  /** Pixels between pictures and around them; a 32nd of a cell, at least 2, unless told. */
  readonly gap?: number | undefined;
}

/**
 * Pictures side by side on white, as one of mode RGB. A cell is as large as the largest of them;
 * what is smaller stands in the middle of its cell.
 *
 * @param rows  upright; a row may be shorter than others, and a place may be left empty
 * @throws `ERR_VALUE` when there is no picture at all
 */
export function pictureGrid(
  rows: readonly (readonly (Picture | undefined)[])[],
  { gap }: PictureGridOptions = {},
): Picture {
  const all = rows.flat().filter((picture) => picture !== undefined);
  if (all.length === 0)
    throw new StylearError(
      'ERR_VALUE',
      'pictureGrid: expected rows to be of at least one picture, got none',
    );
  const cellWidth = Math.max(...all.map((picture) => picture.width));
  const cellHeight = Math.max(...all.map((picture) => picture.height));
  const between = gap ?? Math.max(2, Math.round(Math.max(cellWidth, cellHeight) / 32));
  const width = Math.max(...rows.map((row) => row.length)) * (cellWidth + between) + between;
  const height = rows.length * (cellHeight + between) + between;
  const pixels = new Uint8Array(width * height * 3).fill(255);
  for (const [row, pictures] of rows.entries())
    for (const [column, picture] of pictures.entries()) {
      if (!picture) continue;
      const inMiddle = (cell: number, own: number) => Math.floor((cell - own) / 2);
      const left = between + column * (cellWidth + between) + inMiddle(cellWidth, picture.width);
      const top = between + row * (cellHeight + between) + inMiddle(cellHeight, picture.height);
      const rgb = onBackground(picture);
      const line = rgb.width * channelsOf(rgb);
      for (let y = 0; y < rgb.height; y++)
        pixels.set(rgb.pixels.subarray(y * line, (y + 1) * line), ((top + y) * width + left) * 3);
    }
  return makePicture('RGB', width, height, pixels);
}

/** A picture as large as fits into a square without a change of its shape. */
export function fitted(picture: Picture, side: number): Picture {
  const scale = side / Math.max(picture.width, picture.height);
  const scaled = (extent: number) => Math.max(1, Math.round(extent * scale));
  return resize(picture, scaled(picture.width), scaled(picture.height));
}

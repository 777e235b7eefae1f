import { channelsOf, type Orientation, type Picture } from './picture.ts';

/** A number of EXIF as an orientation; what it does not define is none. */
export function orientationOf(value: number | undefined): Orientation {
  return value !== undefined && Number.isInteger(value) && value >= 1 && value <= 8
    ? (value as Orientation)
    : 1;
}

/** The orientation that an XMP packet names, where EXIF is silent, as Pillow looks for it. */
export function orientationInXmp(xmp: Uint8Array): number | undefined {
  const text = Buffer.from(xmp.buffer, xmp.byteOffset, xmp.length).toString('latin1');
  const digit = /tiff:Orientation(?:="|>)([0-9])/.exec(text)?.[1];
  return digit === undefined ? undefined : Number(digit);
}

/** The picture as it is to be seen: its orientation applied to the pixels. */
export function upright(picture: Picture): Picture {
  const { orientation } = picture;
  if (orientation === 1) return picture;
  const { width, height, pixels } = picture;
  // The first row of the file is seen on the left or right from 5 on, and the others are its mirrors.
  const turned = orientation >= 5;
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  const [columns, rows] = turned ? [height, width] : [width, height];
  const channels = channelsOf(picture);
  const out = new Uint8Array(pixels.length);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [x, y] = turned ? [row, column] : [column, row];
      const fromX = fromRight ? width - 1 - x : x;
      const fromY = fromBottom ? height - 1 - y : y;
      const from = (fromY * width + fromX) * channels;
      for (let i = 0; i < channels; i++) out[at++] = pixels[from + i]!;
    }
  }
  return { ...picture, width: columns, height: rows, pixels: out, orientation: 1 };
}

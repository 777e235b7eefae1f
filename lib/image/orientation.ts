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

/** Columns of what is seen that are turned at once. */
const strip = 64;

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
  // From the first pixel that is seen, how far it is to the next in its row and to the next row.
  const [right, down] = [(fromRight ? -1 : 1) * channels, (fromBottom ? -1 : 1) * width * channels];
  const first = (fromRight ? width - 1 : 0) + (fromBottom ? height - 1 : 0) * width;
  const [nextColumn, nextRow] = turned ? [down, right] : [right, down];
  // In strips, so that what lies beside a pixel in memory is still near when its turn comes.
  for (let begin = 0; begin < columns; begin += strip) {
    const end = Math.min(begin + strip, columns);
    for (let row = 0; row < rows; row++) {
      let from = first * channels + row * nextRow + begin * nextColumn;
      let at = (row * columns + begin) * channels;
      for (let column = begin; column < end; column++, from += nextColumn) {
        for (let i = 0; i < channels; i++) out[at++] = pixels[from + i]!;
      }
    }
  }
  return { ...picture, width: columns, height: rows, pixels: out, orientation: 1 };
}

import { channelsOf, type Picture } from './picture.ts';

/** A picture with alpha, its colours multiplied by it, as Pillow's modes La and RGBa round them. */
export const premultiplied = (picture: Picture): Picture => mapColours(picture, products);

/** The way back; where alpha is 0, colours stay what they are. */
export const unpremultiplied = (picture: Picture): Picture => mapColours(picture, quotients);

const products = tableOf((alpha, colour) => {
  const product = colour * alpha + 128;
  return (product + (product >> 8)) >> 8;
});

const quotients = tableOf((alpha, colour) =>
  alpha === 0 ? colour : Math.min(Math.trunc((255 * colour) / alpha), 255),
);

/** `[alpha, colour]`, 256 x 256. */
function tableOf(entry: (alpha: number, colour: number) => number): Uint8Array {
  return Uint8Array.from({ length: 2 ** 16 }, (_, i) => entry(i >> 8, i & 0xff));
}

function mapColours(picture: Picture, table: Uint8Array): Picture {
  const channels = channelsOf(picture);
  const pixels = new Uint8Array(picture.pixels);
  for (let at = 0; at < pixels.length; at += channels) {
    const row = pixels[at + channels - 1]! << 8;
    for (let i = at; i < at + channels - 1; i++) pixels[i] = table[row | pixels[i]!]!;
  }
  return { ...picture, pixels };
}

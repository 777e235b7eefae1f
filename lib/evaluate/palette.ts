// The colours of a picture, wherever they are in it.
import { labOf } from '../curate/world/colour.ts';
import { toRgb } from '../image/convert.ts';
import type { Picture } from '../image/picture.ts';
import { resize } from '../image/resize.ts';

/** Pixels a side that pictures are averaged to: what is smaller than that is texture. */
const side = 48;

/** Values that stand for a distribution: its quantiles in the middle of as many equal shares. */
const quantiles = 48;

/** How far the axes of colour count beside lightness: hues tell styles apart better. */
const chromaWeight = 2;

/**
 * Directions in OKLab that the colours are projected on: along the axes, and between each two and
 * each three of them.
 */
const directions: readonly (readonly [number, number, number])[] = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  ...[1, -1].flatMap((sign) => [
    [0, 1, sign] as const,
    [1, sign, 0] as const,
    [1, 0, sign] as const,
    [1, sign, 1] as const,
    [1, sign, -1] as const,
  ]),
].map(([l, a, b]) => {
  const length = Math.hypot(l, a, b);
  return [l / length, (chromaWeight * a) / length, (chromaWeight * b) / length];
});

/** `[directions, quantiles]`: how the colours of a picture are spread along directions of OKLab. */
export function paletteStatistics(picture: Picture): Float64Array {
  const { pixels } = resize(toRgb(picture), side, side, { filter: 'box' });
  const colours = Array.from({ length: side * side }, (_, i) =>
    labOf(pixels[3 * i]!, pixels[3 * i + 1]!, pixels[3 * i + 2]!),
  );
  const palette = new Float64Array(directions.length * quantiles);
  directions.forEach(([l, a, b], direction) => {
    const along = Float64Array.from(colours, (colour) => {
      return l * colour[0] + a * colour[1] + b * colour[2];
    }).sort();
    for (let i = 0; i < quantiles; i++) {
      const at = Math.floor(((i + 0.5) / quantiles) * along.length);
      palette[direction * quantiles + i] = along[at]!;
    }
  });
  return palette;
}

/**
 * How far the colours of one picture have to be moved to be those of another: the earth mover's
 * distance along each direction, whose mean is the sliced Wasserstein distance (Rabin et al. 2012).
 *
 * @param a  as `paletteStatistics` returns it
 * @returns  0 or more; 0.1 is a tenth of the way from black to white
 */
export function paletteDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

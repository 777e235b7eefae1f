import { onBackground } from '../image/background.ts';
import type { Picture } from '../image/picture.ts';

/** Levels of each channel that colours are told apart by. */
const levels = 8;

/**
 * How much two pictures have of the same colours, in [0, 1]: the intersection of their histograms
 * (Swain and Ballard 1991) over 8 x 8 x 8 colours. Each pixel is spread over the eight colours around
 * it, so that a shade beside a border of the histogram is still like one on its other side.
 */
export function colourOverlap(a: Picture, b: Picture): number {
  const [first, second] = [histogramOf(a), histogramOf(b)];
  return first.reduce((sum, share, i) => sum + Math.min(share, second[i]!), 0);
}

/** `[8, 8, 8]`: the share of each colour. */
function histogramOf(picture: Picture): Float64Array {
  const { pixels } = onBackground(picture, 'white');
  const shares = new Float64Array(levels ** 3);
  const one = 3 / pixels.length;
  for (let at = 0; at < pixels.length; at += 3) {
    const [r, g, b] = [0, 1, 2].map((i) => (pixels[at + i]! / 255) * (levels - 1)) as Triple;
    for (let corner = 0; corner < 8; corner++) {
      const [i, x] = near(r, corner & 1);
      const [j, y] = near(g, (corner >> 1) & 1);
      const [k, z] = near(b, corner >> 2);
      shares[(i * levels + j) * levels + k]! += one * x * y * z;
    }
  }
  return shares;
}

type Triple = [number, number, number];

/** The level below a value or above it, and how near it is. */
function near(value: number, above: number): readonly [level: number, share: number] {
  const below = Math.min(Math.floor(value), levels - 2);
  const rest = value - below;
  return above ? [below + 1, rest] : [below, 1 - rest];
}

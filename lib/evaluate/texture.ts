// How a picture is made of strokes, dots, edges and grain, whatever it shows and whatever its colours.
import { labOf } from '../curate/world/colour.ts';
import { toRgb } from '../image/convert.ts';
import type { Picture } from '../image/picture.ts';
import { resize } from '../image/resize.ts';

/** Pixels a side at each scale. */
const sides = [96, 48, 24] as const;

/** To the right, down, and along both diagonals. */
const steps = [
  [1, 0],
  [0, 1],
  [1, 1],
  [1, -1],
] as const;

/** Responses below this, of lightness in [0, 1], are those of a plain surface. */
const floor = 0.004;

/** Edges and lines along four directions, and edges of both axes of colour. */
const filters = 2 * steps.length + 2;

/** Pairs of filters, each with itself too. */
const pairs = (filters * (filters + 1)) / 2;

/**
 * `[scales, pairs]`: logarithms of the Gram matrix of a fixed bank of filters at each of three scales,
 * `log(sqrt(mean |response_i| |response_j|) + floor)` (Gram statistics as of Gatys et al. 2016, of
 * filters that nobody trained).
 */
export function textureStatistics(picture: Picture): Float64Array {
  const rgb = toRgb(picture);
  const texture = new Float64Array(sides.length * pairs);
  sides.forEach((side, scale) => {
    const responses = responsesOf(resize(rgb, side, side, { filter: 'box' }).pixels, side);
    let at = scale * pairs;
    for (let i = 0; i < filters; i++)
      for (let j = i; j < filters; j++)
        texture[at++] = Math.log(Math.sqrt(meanProduct(responses[i]!, responses[j]!)) + floor);
  });
  return texture;
}

/**
 * The mean difference of the logarithms.
 *
 * @param a  as `textureStatistics` returns it
 * @returns  0 or more; 0.1 is a tenth stronger or weaker on average
 */
export function textureDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

/** Magnitudes of every filter's response where all of it lies in the picture. */
function responsesOf(pixels: Uint8Array, side: number): Float64Array[] {
  const planes = [0, 1, 2].map(() => new Float64Array(side * side));
  for (let i = 0; i < side * side; i++) {
    const lab = labOf(pixels[3 * i]!, pixels[3 * i + 1]!, pixels[3 * i + 2]!);
    for (const [axis, value] of lab.entries()) planes[axis]![i] = value;
  }
  const [lightness, a, b] = planes as [Float64Array, Float64Array, Float64Array];
  const inner = side - 2;
  const over = (response: (at: number) => number) =>
    Float64Array.from({ length: inner * inner }, (_, i) =>
      Math.abs(response((Math.floor(i / inner) + 1) * side + (i % inner) + 1)),
    );
  const slope = (plane: Float64Array, at: number, step: number) =>
    (plane[at + step]! - plane[at - step]!) / 2;
  const along = steps.map(([x, y]) => y * side + x);
  const line = (at: number, step: number) =>
    lightness[at]! - (lightness[at + step]! + lightness[at - step]!) / 2;
  return [
    ...along.map((step) => over((at) => slope(lightness, at, step))),
    ...along.map((step) => over((at) => line(at, step))),
    ...[a, b].map((plane) => over((at) => Math.hypot(slope(plane, at, 1), slope(plane, at, side)))),
  ];
}

function meanProduct(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum / a.length;
}

import { type Colour, hex } from './colour.ts';
import type { Part } from './drawing.ts';
import { bendOf } from './noise.ts';
import { boxOf, type Outline, type Point } from './outline.ts';
import { colourOf, type Palette } from './palette.ts';
import type { Random } from './random.ts';
import { element, path, type Svg, short } from './svg.ts';

/** Parts in their flat colours. */
export const fills = (
  parts: readonly Part[],
  palette: Palette,
  attributes: Parameters<typeof path>[1] = {},
): string[] =>
  parts.map((part) => path([part.outline], { fill: hex(colourOf(palette, part)), ...attributes }));

/** The outlines of parts, in their order. */
export const outlinesOf = (parts: readonly Part[]): Outline[] =>
  parts.map(({ outline }) => outline);

/** The outlines, all running clockwise, so that one path of them is their union. */
export const union = (parts: readonly Part[]): Outline[] =>
  outlinesOf(parts).map((outline) => (isClockwise(outline) ? outline : [...outline].reverse()));

/** Whether an outline runs clockwise, y pointing down. */
export function isClockwise(outline: Outline): boolean {
  let area = 0;
  let [px, py] = outline[outline.length - 1]!;
  for (const [x, y] of outline) {
    area += px * y - x * py;
    [px, py] = [x, y];
  }
  return area > 0;
}

/** Parts with every point moved. */
export const mapPoints = (parts: readonly Part[], move: (at: Point) => Point): Part[] =>
  parts.map((part) => ({ ...part, outline: part.outline.map(move) }));

/** Parts as an unsteady hand draws them: bent by up to `amount`, all alike. */
export const bent = (
  parts: readonly Part[],
  random: Random,
  amount: number,
  wavelength = 14,
): Part[] => (amount > 0 ? mapPoints(parts, bendOf(random, amount, wavelength)) : [...parts]);

/** Parts moved by `dx` and `dy`. */
export const shifted = (parts: readonly Part[], dx: number, dy: number): Part[] =>
  mapPoints(parts, ([x, y]) => [x + dx, y + dy]);

/** A clip to the union of outlines: the value of `clip-path`. */
export const clipTo = (svg: Svg, outlines: readonly Outline[]): string =>
  svg.define((id) => element('clipPath', { id }, path(outlines, {})));

/** Short strokes or dots of one colour and width as one path, which is much faster than many. */
export const strokes = (
  lines: readonly (readonly [Point, Point])[],
  attributes: Parameters<typeof element>[1],
): string =>
  element('path', {
    d: lines
      .map(([[ax, ay], [bx, by]]) => `M${short(ax)} ${short(ay)}L${short(bx)} ${short(by)}`)
      .join(''),
    fill: 'none',
    ...attributes,
  });

/** Round dots as one path. */
export const dots = (centres: readonly Point[], radius: number, fill: string): string =>
  element('path', {
    d: centres.map(([x, y]) => `M${short(x)} ${short(y)}h0`).join(''),
    fill: 'none',
    stroke: fill,
    'stroke-width': radius * 2,
    'stroke-linecap': 'round',
  });

/** A pattern of parallel lines: the value of `fill`. */
export const hatching = (
  svg: Svg,
  stroke: string,
  gap: number,
  width: number,
  angle: number,
): string =>
  svg.define((id) =>
    element(
      'pattern',
      {
        id,
        width: gap,
        height: gap,
        patternUnits: 'userSpaceOnUse',
        patternTransform: `rotate(${short(angle)})`,
      },
      element('rect', { width, height: gap, fill: stroke }),
    ),
  );

/** A linear gradient across a box, `angle` degrees clockwise from the right: the value of `fill`. */
export function gradient(
  svg: Svg,
  outlines: readonly Outline[],
  angle: number,
  colours: readonly Colour[],
): string {
  const { left, top, right, bottom } = boxOf(outlines);
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const radius = Math.hypot(right - left, bottom - top) / 2;
  const [u, v] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
  const stops = colours.map((stop, i) =>
    element('stop', { offset: i / (colours.length - 1), 'stop-color': hex(stop) }),
  );
  const ends = { x1: x - u * radius, y1: y - v * radius, x2: x + u * radius, y2: y + v * radius };
  return svg.define((id) =>
    element('linearGradient', { id, gradientUnits: 'userSpaceOnUse', ...ends }, stops.join('')),
  );
}

import type { Part } from './drawing.ts';
import { type Box, boxOf, contains, type Outline, type Point } from './outline.ts';
import { element, type path, short } from './svg.ts';

/** The edges of parts that no later part covers, as lines of one colour. */
export const contours = (
  parts: readonly Part[],
  stroke: string,
  width: number,
  attributes: Parameters<typeof path>[1] = {},
): string =>
  element('path', {
    d: visibleEdges(parts)
      .map((line) => `M${line.map(([x, y]) => `${short(x)} ${short(y)}`).join('L')}`)
      .join(''),
    fill: 'none',
    stroke,
    'stroke-width': width,
    'stroke-linejoin': 'round',
    'stroke-linecap': 'round',
    ...attributes,
  });

/** What is seen of the outlines of parts, as open lines. */
export function visibleEdges(parts: readonly Part[]): Point[][] {
  const boxed = parts.map(({ outline }) => ({ outline, box: boxOf([outline]) }));
  return boxed.flatMap(({ outline, box }, order) => {
    const above = boxed.slice(order + 1).filter((other) => overlap(box, other.box));
    const isSeen = ([x, y]: Point) =>
      !above.some(
        (other) =>
          x > other.box.left &&
          x < other.box.right &&
          y > other.box.top &&
          y < other.box.bottom &&
          contains(other.outline, [x, y]),
      );
    const lines: Point[][] = [];
    let line: Point[] = [];
    for (const [from, to] of shortEdges(outline, above.length > 0)) {
      if (isSeen([(from[0] + to[0]) / 2, (from[1] + to[1]) / 2])) {
        if (line.length === 0) line.push(from);
        line.push(to);
      } else if (line.length > 0) {
        lines.push(line);
        line = [];
      }
    }
    if (line.length > 0) lines.push(line);
    return lines;
  });
}

const overlap = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** The edges of an outline, the long ones in pieces if they may be covered in part. */
function* shortEdges(outline: Outline, cut: boolean): Generator<readonly [Point, Point]> {
  for (const [i, a] of outline.entries()) {
    const b = outline[(i + 1) % outline.length]!;
    const pieces = cut ? Math.ceil(Math.hypot(b[0] - a[0], b[1] - a[1]) / 2.2) : 1;
    const at = (k: number): Point => [
      a[0] + ((b[0] - a[0]) * k) / pieces,
      a[1] + ((b[1] - a[1]) * k) / pieces,
    ];
    for (let k = 0; k < pieces; k++) yield [at(k), at(k + 1)];
  }
}

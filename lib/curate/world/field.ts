import type { Part } from './drawing.ts';
import type { Outline, Point } from './outline.ts';
import { canvas } from './svg.ts';

/** What lies on top at a place: the part, or undefined where there is none. */
export type Field = (at: Point) => Part | undefined;

/** Cells to a unit of the canvas, and how far they go beyond its edges. */
const fineness = 2;
const margin = 6;
const side = (canvas + 2 * margin) * fineness;

/**
 * For styles that are made of marks, each coloured by what lies under it. Places are told apart to
 * half a unit of the canvas, up to 6 units outside of it.
 */
export function fieldOf(parts: readonly Part[]): Field {
  const top = new Int16Array(side * side);
  parts.forEach(({ outline }, order) => {
    fill(top, outline, order + 1);
  });
  return ([x, y]) => {
    const [column, row] = [cellOf(x), cellOf(y)];
    if (column < 0 || row < 0 || column >= side || row >= side) return undefined;
    return parts[top[row * side + column]! - 1];
  };
}

const cellOf = (at: number): number => Math.floor((at + margin) * fineness);

/** Sets the cells whose middles lie inside, by the even-odd rule. */
function fill(cells: Int16Array, outline: Outline, value: number): void {
  const points = outline.map(
    ([x, y]) => [(x + margin) * fineness - 0.5, (y + margin) * fineness - 0.5] as const,
  );
  let [low, high] = [side, -1];
  for (const [, y] of points) {
    low = Math.min(low, y);
    high = Math.max(high, y);
  }
  for (let row = Math.max(0, Math.ceil(low)); row <= Math.min(side - 1, high); row++) {
    const crossings: number[] = [];
    let [px, py] = points[points.length - 1]!;
    for (const [x, y] of points) {
      if (y > row !== py > row) crossings.push(px + ((x - px) * (row - py)) / (y - py));
      [px, py] = [x, y];
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const begin = Math.max(0, Math.ceil(crossings[i]!));
      const end = Math.min(side, Math.floor(crossings[i + 1]!) + 1);
      if (begin < end) cells.fill(value, row * side + begin, row * side + end);
    }
  }
}

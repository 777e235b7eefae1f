import { describe, expect, test } from 'vitest';
import { visibleEdges } from '../../../lib/curate/world/contours.ts';
import type { Part } from '../../../lib/curate/world/drawing.ts';
import { rectangle } from '../../../lib/curate/world/outline.ts';

const square = (x: number, y: number, side: number): Part => ({
  role: 'body',
  outline: rectangle(x, y, side, side),
  tone: 0,
});

const length = (parts: readonly Part[]) =>
  visibleEdges(parts)
    .flatMap((line) => line.slice(1).map((b, i) => [line[i]!, b] as const))
    .reduce((sum, [a, b]) => sum + Math.hypot(b[0] - a[0], b[1] - a[1]), 0);

describe('visible edges', () => {
  test('of parts beside each other are all of them', () => {
    expect(length([square(0, 0, 20), square(40, 0, 20)])).toBeCloseTo(160, 6);
  });

  test('of a part below another end where the other begins', () => {
    // Half of two sides is covered, and no edge of the upper one; pieces are up to 2.2 long.
    expect(Math.abs(length([square(0, 0, 20), square(10, 10, 20)]) - 140)).toBeLessThan(4.5);
  });

  test('of a part that is covered whole are none', () => {
    expect(length([square(5, 5, 4), square(0, 0, 20)])).toBeCloseTo(80, 6);
  });
});

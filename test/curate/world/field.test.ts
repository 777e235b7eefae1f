import { describe, expect, test } from 'vitest';
import type { Part, Role } from '../../../lib/curate/world/drawing.ts';
import { fieldOf } from '../../../lib/curate/world/field.ts';
import { contains, ellipse, type Outline, rectangle } from '../../../lib/curate/world/outline.ts';
import { randomOf } from '../../../lib/curate/world/random.ts';

const part = (role: Role, outline: Outline): Part => ({ role, outline, tone: 0 });

describe('a field', () => {
  test('tells the part on top, and none where there is none', () => {
    const field = fieldOf([
      part('body', rectangle(10, 10, 60, 60)),
      part('eye', ellipse(40, 40, 8)),
    ]);
    expect(field([15, 15])?.role).toBe('body');
    expect(field([40, 40])?.role).toBe('eye');
    expect(field([40, 31])?.role).toBe('body');
    expect(field([90, 90])).toBeUndefined();
    expect(field([-50, 500])).toBeUndefined();
  });

  test('agrees with the even-odd rule but for half a unit along edges', () => {
    const outlines = [ellipse(50, 60, 37, 21, 30), rectangle(-20, 90, 90, 60)];
    const parts = outlines.map((outline) => part('body', outline));
    const field = fieldOf(parts);
    const random = randomOf(3, 'places');
    let wrong = 0;
    for (let i = 0; i < 4000; i++) {
      const at = [random.uniform(0, 128), random.uniform(0, 128)] as const;
      if ((field(at) !== undefined) !== outlines.some((outline) => contains(outline, at))) wrong++;
    }
    // The edges are about 290 units long and a quarter of a unit is told wrongly on average.
    expect(wrong / 4000).toBeLessThan(0.01);
  });
});

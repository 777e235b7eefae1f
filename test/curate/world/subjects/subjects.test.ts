import { describe, expect, test } from 'vitest';
import { compose } from '../../../../lib/curate/world/content.ts';
import { partsOf } from '../../../../lib/curate/world/drawing.ts';
import { fieldOf } from '../../../../lib/curate/world/field.ts';
import { boxOf } from '../../../../lib/curate/world/outline.ts';
import { randomOf } from '../../../../lib/curate/world/random.ts';
import { scenes } from '../../../../lib/curate/world/scenes/scenes.ts';
import { subjectNamed, subjects } from '../../../../lib/curate/world/subjects/subjects.ts';

/** Which cells of a grid of 16 x 16 the subject covers, standing alone in the middle. */
function silhouette(subject: string): boolean[] {
  const content = { subject, count: 1, size: 'large' } as const;
  const field = fieldOf(compose(content, randomOf(1, 'silhouette')).flat());
  return Array.from(
    { length: 256 },
    (_, i) => field([(i % 16) * 8 + 4, Math.floor(i / 16) * 8 + 4]) !== undefined,
  );
}

describe('subjects', () => {
  test('are at least 48, of all kinds, each with a name of its own', () => {
    expect(subjects.length).toBeGreaterThanOrEqual(48);
    expect(new Set(subjects.flatMap(({ name }) => name)).size).toBe(subjects.length);
    expect(new Set(subjects.map(({ kind }) => kind)).size).toBe(5);
    const nouns = subjects.flatMap(({ name, plural }) =>
      name === plural ? [name] : [name, plural],
    );
    expect(new Set(nouns).size).toBe(nouns.length);
    for (const noun of nouns) expect(noun).toMatch(/^[a-z]+( [a-z]+)*$/);
  });

  test.each(subjects)(
    '$name is drawn of whole parts, in more forms than one, within its canvas',
    (subject) => {
      const forms = new Set<string>();
      for (let seed = 0; seed < 12; seed++) {
        const parts = partsOf(subject.draw, randomOf(seed, 'form'));
        expect(parts.length).toBeGreaterThanOrEqual(4);
        expect(new Set(parts.map(({ role }) => role)).size).toBeGreaterThanOrEqual(3);
        for (const { outline, tone } of parts) {
          expect(outline.length).toBeGreaterThanOrEqual(3);
          expect(outline.flat().every(Number.isFinite)).toBe(true);
          expect(Math.abs(tone)).toBeLessThanOrEqual(1);
        }
        const { left, top, right, bottom } = boxOf(parts.map(({ outline }) => outline));
        expect(left >= -12 && top >= -16 && right <= 112 && bottom <= 112).toBe(true);
        forms.add(JSON.stringify(parts));
      }
      expect(forms.size).toBeGreaterThan(1);
    },
  );

  test('have scenes that there are, and a colour for what photographs show', () => {
    for (const { scenes: places, variants } of subjects) {
      for (const place of places) expect(scenes[place].name).toBe(place);
      for (const [word, colours] of Object.entries(variants)) {
        expect(word).toMatch(/^[a-z]+$/);
        for (const paint of Object.values(colours)) expect(paint).toMatch(/^#[0-9a-f]{6}$/);
      }
    }
  });

  test('differ in their silhouettes, every two of them', () => {
    const shapes = subjects.map(({ name }) => ({ name, cells: silhouette(name) }));
    const alike: string[] = [];
    for (const [i, a] of shapes.entries()) {
      for (const b of shapes.slice(i + 1)) {
        const both = a.cells.filter((cell, k) => cell && b.cells[k]).length;
        const either = a.cells.filter((cell, k) => cell || b.cells[k]).length;
        if (both / either > 0.9) alike.push(`${a.name} and ${b.name}`);
      }
    }
    expect(alike).toEqual([]);
  });

  test('are found by name alone', () => {
    expect(subjectNamed('owl').plural).toBe('owls');
    expect(() => subjectNamed('unicorn')).toThrow(
      'subjectNamed: expected name to be that of a subject, got "unicorn". Take one of `subjects`',
    );
  });
});

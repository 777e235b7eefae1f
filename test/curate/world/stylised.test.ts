import { describe, expect, test } from 'vitest';
import type { Content } from '../../../lib/curate/world/content.ts';
import { isHeldOutFamily } from '../../../lib/curate/world/held_out.ts';
import { render } from '../../../lib/curate/world/render.ts';
import { drawStyle } from '../../../lib/curate/world/styles/draw_style.ts';
import { families } from '../../../lib/curate/world/styles/families.ts';
import { drawStylised } from '../../../lib/curate/world/stylised.ts';
import { subjects } from '../../../lib/curate/world/subjects/subjects.ts';

const one = (subject: string): Content => ({ subject, count: 1, size: 'middle' });

/** The mean distance of two pictures' levels. */
function distance(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

describe('a stylised picture', () => {
  test('has at least 24 families to choose from, each with a name of its own', () => {
    expect(families.length).toBeGreaterThanOrEqual(24);
    expect(new Set(families.map(({ name }) => name)).size).toBe(families.length);
    expect(families.filter(({ name }) => isHeldOutFamily(name)).length).toBeGreaterThanOrEqual(5);
  });

  test.each(families)(
    'of the family $name follows from its seed, and shows its subject',
    async ({ name }) => {
      for (let i = 0; i < 6; i++) {
        const subject = subjects[(i * 13 + name.length * 7) % subjects.length]!.name;
        const style = drawStyle(i * 31 + name.length, name);
        const [text, again] = [1, 2].map(() => drawStylised(style, one(subject), i).text(64));
        expect(again).toBe(text);
        // Numbers that went wrong, text that needs a font, and references out of the drawing.
        expect(text).not.toMatch(/NaN|undefined|Infinity|<text|<image|href="[^#]/);
        const { pixels } = await render(drawStylised(style, one(subject), i), 64);
        const other = subjects[(i * 13 + name.length * 7 + 29) % subjects.length]!.name;
        const { pixels: unlike } = await render(drawStylised(style, one(other), i), 64);
        expect(distance(pixels, unlike), `${subject} and ${other}`).toBeGreaterThan(3);
      }
    },
  );

  test('shows its parameters: another hue or family looks different', async () => {
    const style = drawStyle(5, 'flat');
    const turned = {
      ...style,
      parameters: { ...style.parameters, hue: (style.parameters.hue + 120) % 360 },
    };
    const pixels = async (of: typeof style) =>
      (await render(drawStylised(of, one('cat'), 1), 64)).pixels;
    const picture = await pixels(style);
    expect(distance(picture, await pixels(turned))).toBeGreaterThan(10);
    expect(distance(picture, await pixels({ ...style, family: 'neon' }))).toBeGreaterThan(10);
  });

  test('is refused of a family that there is not', () => {
    const style = { ...drawStyle(1), family: 'cubism' };
    expect(() => drawStylised(style, one('cat'), 1)).toThrow(
      'familyNamed: expected name to be that of a style family, got "cubism"',
    );
  });
});

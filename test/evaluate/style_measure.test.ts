import { describe, expect, test } from 'vitest';
import { drawContent } from '../../lib/curate/world/content.ts';
import { drawStyleOf, evaluationSeed, type StyleSplit } from '../../lib/curate/world/held_out.ts';
import { render } from '../../lib/curate/world/render.ts';
import { drawStylised } from '../../lib/curate/world/stylised.ts';
import { choosesOwn, styleDistance, styleStatistics } from '../../lib/evaluate/style_measure.ts';

/** The share of drawings that are closer to another one of their style than to one of another style. */
async function shareOf(split: StyleSplit): Promise<number> {
  const styles = Array.from({ length: 8 }, (_, i) => drawStyleOf(split, evaluationSeed(i)));
  const drawn = (first: number) =>
    Promise.all(
      styles.map(async (style, i) => {
        const seed = evaluationSeed(first + i);
        const drawing = drawStylised(style, drawContent(seed), seed);
        return styleStatistics(await render(drawing, 96));
      }),
    );
  const [references, results] = [await drawn(100), await drawn(200)];
  const choices = results.flatMap((result, i) =>
    references.filter((_, j) => j !== i).map((other) => choosesOwn(result, references[i]!, other)),
  );
  return choices.filter(Boolean).length / choices.length;
}

describe('the style measure', () => {
  test.each(['held-out parameters', 'held-out family'] as const)(
    'finds the reference of drawings of the picture world, %s',
    async (split) => {
      expect(await shareOf(split)).toBeGreaterThan(0.95);
    },
  );

  test('is 0 between a picture and itself, and the same in both directions', async () => {
    const [a, b] = await Promise.all(
      [1, 2].map(async (seed) => {
        const style = drawStyleOf('training', seed);
        return styleStatistics(await render(drawStylised(style, drawContent(seed), seed), 48));
      }),
    );
    expect(styleDistance(a!, a!)).toBe(0);
    expect(styleDistance(a!, b!)).toBe(styleDistance(b!, a!));
    expect(choosesOwn(a!, a!, b!)).toBe(true);
    expect(choosesOwn(a!, b!, a!)).toBe(false);
  });
});

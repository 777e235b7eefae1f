import { describe, expect, test } from 'vitest';
import {
  type Content,
  captionOf,
  compose,
  contentOf,
  drawContent,
  nounPhrase,
  subjectOf,
} from '../../../lib/curate/world/content.ts';
import { boxOf } from '../../../lib/curate/world/outline.ts';
import { randomOf } from '../../../lib/curate/world/random.ts';
import { subjects } from '../../../lib/curate/world/subjects/subjects.ts';

const contents = Array.from({ length: 600 }, (_, seed) => drawContent(seed));

describe('a content', () => {
  test('is any subject, mostly one of it', () => {
    expect(new Set(contents.map(({ subject }) => subject)).size).toBe(subjects.length);
    const counted = [1, 2, 3].map((n) => contents.filter(({ count }) => count === n).length / 600);
    // Five deviations around 0.87, 0.09 and 0.04.
    expect(Math.abs(counted[0]! - 0.87)).toBeLessThan(0.07);
    expect(Math.abs(counted[1]! - 0.09)).toBeLessThan(0.06);
    expect(Math.abs(counted[2]! - 0.04)).toBeLessThan(0.04);
    expect(contents.every(({ count, size }) => count === 1 || size === 'middle')).toBe(true);
  });

  test('is what its caption says', () => {
    for (const [seed, content] of contents.entries()) {
      const read = contentOf(captionOf(content, seed));
      expect(read).toEqual(content);
    }
  });

  test('is named in words', () => {
    const one = (subject: string): Content => ({ subject, count: 1, size: 'middle' });
    expect(nounPhrase(one('owl'))).toBe('an owl');
    expect(nounPhrase(one('cat'), 'orange')).toBe('an orange cat');
    expect(nounPhrase({ ...one('elephant'), size: 'small' })).toBe('a small elephant');
    expect(nounPhrase({ subject: 'bus', count: 3, size: 'middle' }, 'red')).toBe('three red buses');
  });

  test('has as many of its subject as it says, all on the canvas, of the size that it says', () => {
    for (const [seed, content] of contents.slice(0, 300).entries()) {
      const shown = compose(content, randomOf(seed, 'test'), seed % 2 ? 112 : undefined);
      expect(shown).toHaveLength(content.count);
      const sides = shown.map((parts) => {
        const box = boxOf(parts.map(({ outline }) => outline));
        expect(box.left).toBeGreaterThan(-1);
        expect(box.right).toBeLessThan(129);
        return Math.max(box.right - box.left, box.bottom - box.top);
      });
      // Stretching changes a side by up to 7 %, a lean makes the box up to a sixth larger.
      const [low, high] =
        content.count > 1
          ? [34, 73]
          : { small: [48, 78], middle: [76, 128], large: [98, 146] }[content.size];
      for (const side of sides)
        expect(side >= low! && side <= high!, `${content.subject} ${side}`).toBe(true);
    }
  });
});

describe('the subject of a caption', () => {
  test.each([
    ['A photo of a PINE TREE in the snow', 'pine tree'],
    ['a tree', 'tree'],
    ['three hot air balloons', 'hot air balloon'],
    ['a snowman in the snow', 'snowman'],
    ['an ice cream beside a dog', 'ice cream'],
    ['two foxes', 'fox'],
  ])('%s is a %s', (caption, subject) => {
    expect(subjectOf(caption)).toBe(subject);
  });

  test('is asked for where there is none', () => {
    const message = expect.stringMatching(
      /^subjectOf: expected caption to name a subject, got "a concatenation"\. Name one of cat, dog/,
    );
    expect(() => subjectOf('a concatenation')).toThrow(
      expect.objectContaining({ code: 'ERR_INPUT', message }),
    );
    expect(() => contentOf('x'.repeat(1e6))).toThrow(/^.{1,1500}$/);
  });

  test('has the count and the size that the words around it say', () => {
    expect(contentOf('two small cats')).toEqual({ subject: 'cat', count: 2, size: 'middle' });
    expect(contentOf('cats')).toEqual({ subject: 'cat', count: 2, size: 'middle' });
    expect(contentOf('a large ship on the sea')).toEqual({
      subject: 'ship',
      count: 1,
      size: 'large',
    });
    expect(contentOf('fish')).toEqual({ subject: 'fish', count: 1, size: 'middle' });
  });
});

import { describe, expect, test } from 'vitest';
import { emptyState, ImageGrammar, type NextToken } from '../../lib/text/image_grammar.ts';
import { gridOfPixels, imageTokens } from '../../lib/text/image_tokens.ts';
import { vocabulary } from './chameleon.ts';
import { golden, goldenJson } from './golden.ts';

const { imageStart, imageEnd, newLine, size, grid } = vocabulary;
const grammar = new ImageGrammar(vocabulary);
const only = (id: number) => [id, id + 1];

/** How each token of a sequence was drawn, and what would follow it. */
function rules(tokens: readonly number[], of = grammar): NextToken[] {
  let state = emptyState;
  const all = [of.next(state)];
  for (const token of tokens) {
    state = of.advance(state, token);
    all.push(of.next(state));
  }
  return all;
}

/** A picture of 2 x 3 grid units, all of one code. */
const picture = imageTokens(vocabulary, { height: 2, width: 3 }, new Array(24).fill(5));
const prompt = [0, 16_400, 8710];

describe('the grammar of pictures', () => {
  test('lets everything follow text, and draws it as text', () => {
    for (const rule of rules(prompt))
      expect(rule).toEqual({
        range: [0, size],
        forced: undefined,
        topK: 'text',
        guided: false,
        unconditional: [],
        fault: undefined,
      });
  });

  test('lets everything be a side, but draws it as part of an image', () => {
    for (const rule of rules(picture.slice(0, 2)).slice(1))
      expect(rule).toMatchObject({ range: [0, size], topK: 'image', guided: false });
  });

  test('knows where codes, new lines and the end are', () => {
    const all = rules([...prompt, ...picture]).slice(prompt.length + 3);
    const row = [...new Array(6).fill([4, 8196]), only(newLine)];
    expect(all.map(({ range }) => range)).toEqual([
      ...[...row, ...row, ...row, ...row],
      only(imageEnd),
      [0, size],
    ]);
    expect(all.map(({ forced }) => forced).filter((id) => id !== undefined)).toEqual([
      ...[newLine, newLine, newLine, newLine],
      imageEnd,
    ]);
    expect(all.slice(0, -1).every(({ guided, topK }) => guided && topK === 'image')).toBe(true);
    expect(all.at(-1)).toMatchObject({ guided: false, topK: 'text' });
  });

  test('allows every token of every picture, and the picture is what guidance sees', () => {
    for (const size of [
      { height: 1, width: 1 },
      { height: 1, width: 5 },
      { height: 4, width: 1 },
    ]) {
      const codes = new Array(4 * size.height * size.width).fill(0).map((_, i) => i);
      const tokens = imageTokens(vocabulary, size, codes);
      const all = rules(tokens);
      tokens.forEach((token, i) => {
        expect(token).toBeGreaterThanOrEqual(all[i]!.range[0]);
        expect(token).toBeLessThan(all[i]!.range[1]);
        expect(all[i]!.forced ?? token).toBe(token);
      });
      expect(all.flatMap(({ unconditional }) => unconditional)).toEqual(tokens.slice(0, -1));
    }
  });

  test('begins anew with each picture', () => {
    const all = rules([
      ...picture,
      16_400,
      ...imageTokens(vocabulary, { height: 1, width: 1 }, [1, 2, 3, 4]),
    ]);
    const second = all.slice(picture.length + 1);
    expect(second.map(({ range }) => range)).toEqual([
      ...[
        [0, size],
        [0, size],
        [0, size],
      ],
      ...[[4, 8196], [4, 8196], only(newLine), [4, 8196], [4, 8196], only(newLine)],
      only(imageEnd),
      [0, size],
    ]);
    expect(second[3]!.unconditional).toEqual([imageStart, grid + 1, grid + 1]);
  });

  test.each([
    ['a height of 0', [imageStart, grid, grid + 2], 'size'],
    ['a width that is text', [imageStart, grid + 1, 16_400], 'size'],
    ['a code behind its rows', [...picture.slice(0, -1), 5], 'length'],
  ] as const)('ends a picture with %s', (_, tokens, fault) => {
    expect(rules(tokens).at(-1)).toMatchObject({ forced: imageEnd, fault });
  });

  test('takes an end without a start, and two starts, for text', () => {
    expect(rules([imageEnd, imageStart]).at(-1)).toMatchObject({ topK: 'text' });
    expect(rules([imageStart, imageStart]).at(-1)).toMatchObject({ topK: 'text' });
  });

  test('goes on from a state', () => {
    const half = grammar.after(picture.slice(0, 9));
    expect(grammar.after(picture.slice(9), half)).toEqual(grammar.after(picture));
  });
});

describe('the grammar of pictures of given sizes', () => {
  const sizes = [
    { height: 1, width: 3 },
    { height: 2, width: 3 },
    { height: 2, width: 2 },
  ];
  const restricted = new ImageGrammar(vocabulary, { sizes });

  test('lets their heights be drawn, then the widths of the height', () => {
    const ranges = (tokens: readonly number[]) => restricted.next(restricted.after(tokens)).range;
    expect(ranges([imageStart])).toEqual([grid + 1, grid + 3]);
    expect(ranges([imageStart, grid + 2])).toEqual([grid + 2, grid + 4]);
    expect(ranges([imageStart, grid + 1])).toEqual(only(grid + 3));
    expect(restricted.next(restricted.after([imageStart, grid + 1])).forced).toBe(grid + 3);
  });

  test('goes on past a height that is none of them, as a prompt may have it', () => {
    expect(restricted.next(restricted.after([imageStart, grid + 9])).range).toEqual([0, size]);
  });

  test.each([
    ['none', [], 'at least one, got none'],
    ['a side of 0', [{ height: 0, width: 1 }], 'of sides from 1 to 128, got 0 x 1'],
    ['a side too long', [{ height: 1, width: 129 }], 'of sides from 1 to 128, got 1 x 129'],
    [
      'a height left out',
      [
        { height: 1, width: 1 },
        { height: 3, width: 1 },
      ],
      'such that heights leave none out, got 2 of 3',
    ],
    [
      'a width left out',
      [
        { height: 1, width: 1 },
        { height: 1, width: 4 },
      ],
      'such that widths of a height leave none out, got 2 of 4',
    ],
  ])('is refused with %s', (_, sizes, message) => {
    const make = () => new ImageGrammar(vocabulary, { sizes });
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_VALUE' }));
    expect(make).toThrow(`ImageGrammar: expected sizes to be ${message}`);
  });
});

describe.skipIf(!golden)('of the golden fixtures', () => {
  const lists: Readonly<Record<string, readonly (readonly [number, number])[]>> = golden
    ? goldenJson('items', 'crop_size_lists.json')
    : {};

  test.each(Object.keys(lists))('the sizes of %s are drawn, and no others', (key) => {
    const sizes = lists[key]!.map(([width, height]) => gridOfPixels(vocabulary, { width, height }));
    const restricted = new ImageGrammar(vocabulary, { sizes });
    const drawn: string[] = [];
    const [first, end] = restricted.next(restricted.after([imageStart])).range;
    for (let height = first; height < end; height++) {
      const [from, to] = restricted.next(restricted.after([imageStart, height])).range;
      for (let width = from; width < to; width++) drawn.push(`${height - grid} ${width - grid}`);
    }
    expect(drawn.sort()).toEqual(sizes.map(({ height, width }) => `${height} ${width}`).sort());
  });

  test('each scripted step has its forced token, its top-k and its unconditional call', () => {
    const { tokens, steps, prompt_length } = goldenJson('processors', 'steps.json');
    const all = rules(tokens);
    expect(steps[0].prefix_length).toBe(prompt_length);
    for (const step of steps) {
      const rule = all[step.prefix_length]!;
      expect(rule.unconditional).toEqual(step.unconditional_call?.input_ids ?? []);
      expect(rule.guided).toBe(step.unconditional_call !== null);
      expect(rule.forced).toBe(step.kept_after_top_k === 1 ? step.argmax : undefined);
      if (step.kept_after_top_k > 1)
        expect(rule.topK).toBe(step.kept_after_top_k >= 24 ? 'image' : 'text');
    }
  });
});

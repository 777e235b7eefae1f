import { describe, expect, test } from 'vitest';
import { imageTokens } from '../../lib/text/image_tokens.ts';
import { conditionedExample, withDropout } from '../../lib/train/conditioning.ts';
import { tokenizer, vocabulary } from '../text/chameleon.ts';

const image = imageTokens(vocabulary, { height: 1, width: 1 }, [1, 2, 3, 4]);
const { begin, stop, stylePlaceholder } = vocabulary;

describe('a conditioned example', () => {
  const example = conditionedExample(tokenizer, vocabulary, 'style', { prompt: 'a ship' }, image);

  test('asks with the caption, answers with the picture, and is labelled there alone', () => {
    const { ids, labels, styleIndex } = example.whole;
    const answer = [...image, stop];
    expect(ids[0]).toBe(begin);
    expect(ids.slice(-answer.length)).toEqual(answer);
    expect(tokenizer.decode(ids.slice(1, -answer.length - 1))).toMatch(/instruction: a ship$/);
    expect(labels.slice(-answer.length)).toEqual(answer);
    expect(labels.slice(0, -answer.length).every((label) => label < 0)).toBe(true);
    expect(styleIndex).toHaveLength(16);
    expect(styleIndex!.map((at) => ids[at])).toEqual(new Array(16).fill(stylePlaceholder));
  });

  test('has the beginning of a caption that is longer than a prompt may be', () => {
    const idsOf = (prompt: string) =>
      conditionedExample(tokenizer, vocabulary, 'style', { prompt }, image).whole.ids;
    const most = 'a ship. '.repeat(512);
    expect(idsOf(`${most}a cat`)).toEqual(idsOf(most));
    // More tokens than a prompt may have, and a pair of surrogates across the end.
    const many = `x${'\u{1f6a2}'.repeat(2047)}`;
    expect(idsOf(`${many}\u{1f6a2}\u{1f6a2}`)).toEqual(idsOf(many));
    expect(idsOf(many).length).toBeGreaterThan(4096);
  });

  test('without its caption has the same sentence and style', () => {
    const { ids, styleIndex } = example.withoutCaption;
    expect(tokenizer.decode(ids.slice(1, -image.length - 2))).toMatch(/instruction: $/);
    expect(styleIndex).toEqual(example.whole.styleIndex);
  });

  test('of the image alone begins with its start, and is labelled from its codes on', () => {
    const { ids, labels, styleIndex } = example.imageOnly;
    expect(ids).toEqual(image);
    expect(labels).toEqual([-100, -100, -100, ...image.slice(3)]);
    expect(styleIndex).toBeUndefined();
  });

  test('loses each part as often as it is told', () => {
    const dropout = { everything: 0.1, caption: 0.2, style: 0.3 };
    const at = (draw: number) => withDropout(example, dropout, draw);
    expect(at(0)).toBe(example.imageOnly);
    expect(at(0.099)).toBe(example.imageOnly);
    expect(at(0.101)).toBe(example.withoutCaption);
    expect(at(0.299)).toBe(example.withoutCaption);
    expect(at(0.301)).toEqual({ ...example.whole, styleIndex: undefined });
    expect(at(0.599)).toEqual({ ...example.whole, styleIndex: undefined });
    expect(at(0.601)).toBe(example.whole);
    expect(withDropout(example, {}, 0.151)).toBe(example.whole);
    expect(withDropout(example, {}, 0.149)).not.toBe(example.whole);
  });
});

import { expect, test } from 'vitest';
import { StylearError } from '../../lib/index.ts';
import { clipTexts } from '../../lib/models/clip_texts.ts';

test('texts are padded on the right, and end at their first end token', () => {
  const sequences = [
    [7, 1, 9, 9],
    [7, 9],
  ];
  expect(clipTexts(sequences, { eosId: 9, padId: 3 })).toEqual({
    texts: 2,
    tokens: 4,
    ids: Int32Array.of(7, 1, 9, 9, 7, 9, 3, 3),
    lengths: Int32Array.of(4, 2),
    ends: Int32Array.of(2, 5),
  });
});

test('an end token called 2 is the one of the largest id', () => {
  expect([...clipTexts([[7, 2, 9, 3, 9]], { eosId: 2 }).ends]).toEqual([2]);
});

test('the padding is 0 unless told', () => {
  expect([...clipTexts([[9], [1, 9]], { eosId: 9 }).ids]).toEqual([9, 0, 1, 9]);
});

test('a text without an end token is refused', () => {
  expect(() =>
    clipTexts(
      [
        [7, 9],
        [7, 1],
      ],
      { eosId: 9 },
    ),
  ).toThrow(
    new StylearError(
      'ERR_INPUT',
      'clipTexts: expected sequence 1 to have the end token 9, got none in its 2 tokens',
    ),
  );
  expect(() => clipTexts([[9], []], { eosId: 2 })).toThrow('expected sequence 1 to have');
  expect(() => clipTexts([], { eosId: 2 })).toThrow('to be at least one, got none');
});

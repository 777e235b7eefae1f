import { expect, test } from 'vitest';
import { StylearError } from '../../lib/index.ts';
import { tokenBatch } from '../../lib/train/token_batch.ts';

const sequences = [
  { ids: [5, 6, 7, 8], labels: [-100, 6, -100, 8], styleIndex: [1, 3] },
  { ids: [3, 4], labels: [3, 4], styleIndex: [0, 1] },
];

test('sequences are padded on the right, labels stand where their token is foretold', () => {
  expect(tokenBatch(sequences)).toEqual({
    sequences: 2,
    tokens: 4,
    ids: Int32Array.of(5, 6, 7, 8, 3, 4, 0, 0),
    positions: Int32Array.of(0, 1, 2, 3, 0, 1, 2, 3),
    nextLabels: Int32Array.of(6, -1, 8, -1, 4, -1, -1, -1),
    slots: Int32Array.of(-1, 0, -1, 1, 2, 3, -1, -1),
    labelCount: 3,
  });
});

test('what is longer is cut, its style rows too', () => {
  const { tokens, ids, nextLabels, slots, labelCount } = tokenBatch(sequences, { maxTokens: 3 });
  expect(tokens).toBe(3);
  expect([...ids]).toEqual([5, 6, 7, 3, 4, 0]);
  expect([...nextLabels]).toEqual([6, -1, -1, 4, -1, -1]);
  expect([...slots]).toEqual([-1, 0, -1, 2, 3, -1]);
  expect(labelCount).toBe(2);
});

test('a style has as many rows as is said, whether or not there are places for them', () => {
  const slotsOf = (styleRows: number) => [...tokenBatch(sequences, { styleRows }).slots];
  expect(slotsOf(3)).toEqual([-1, 0, -1, 1, 3, 4, -1, -1]);
  expect(slotsOf(1)).toEqual([-1, 0, -1, -1, 1, -1, -1, -1]);
});

test('sequences without tokens, or with labels that do not match, are refused', () => {
  for (const none of [[], [{ ids: [], labels: [] }]])
    expect(() => tokenBatch(none)).toThrow(
      new StylearError('ERR_VALUE', 'tokenBatch: expected sequences to have tokens, got none'),
    );
  expect(() => tokenBatch([{ ids: [1, 2], labels: [1] }])).toThrow(
    'tokenBatch: expected labels of sequence 0 to be 2, got 1',
  );
});

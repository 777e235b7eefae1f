import { describe, expect, test } from 'vitest';
import { mixed } from '../../lib/train/mix.ts';
import { expectRefusal } from '../support/op_case.ts';

describe('a mix of sources', () => {
  const raw = { count: 100, share: 3 };
  const stylised = { count: 20, share: 1 };

  test('has exactly its shares in every epoch, and the scarcest source once', () => {
    const order = mixed([raw, stylised], 1);
    expect(order.length).toBe(80);
    for (const epoch of [0, 1, 5]) {
      const indices = [...order.epoch(epoch)];
      expect(indices).toHaveLength(80);
      expect(new Set(indices.filter((i) => i >= 100)).size).toBe(20);
    }
    expect(new Set(order.epoch(0)).size).toBe(80);
  });

  test('goes on with what did not come yet', () => {
    const order = mixed([raw, stylised], 1);
    const seen = [0, 1, 2, 3, 4].flatMap((epoch) => [...order.epoch(epoch)]);
    const times = (i: number) => seen.filter((other) => other === i).length;
    // Five epochs of 60 are three passes over 100.
    for (let i = 0; i < 100; i++) expect(times(i)).toBe(3);
    for (let i = 100; i < 120; i++) expect(times(i)).toBe(5);
  });

  test('is a function of seed and epoch', () => {
    expect([...mixed([raw, stylised], 1).epoch(3)]).toEqual([
      ...mixed([raw, stylised], 1).epoch(3),
    ]);
    expect([...mixed([raw, stylised], 1).epoch(3)]).not.toEqual([
      ...mixed([raw, stylised], 2).epoch(3),
    ]);
  });

  test('refuses a source with fewer examples than its share', () => {
    expectRefusal(
      () => mixed([{ count: 2, share: 3 }, stylised], 1),
      'ERR_INPUT',
      'mixed: expected sources to have as many examples as their shares, got 2 for a share of 3, ' +
        '20 for a share of 1',
    );
    expectRefusal(
      () => mixed([], 1),
      'ERR_INPUT',
      'mixed: expected sources to have as many examples as their shares, got none',
    );
  });
});

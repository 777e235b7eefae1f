import { describe, expect, test } from 'vitest';
import { learningRate } from '../../lib/train/schedule.ts';

describe('the learning rate', () => {
  const schedule = { rate: 2, minRate: 0.5, warmupEpochs: 0.5, epochs: 4.5 };

  test.each([
    [0, 0],
    [0.125, 0.5],
    [0.25, 1],
    [0.5, 2],
    [2.5, 1.25], // half way down
    [4.5, 0.5],
    [9, 0.5], // stays there
  ])('before epoch %d of a rise and a cosine is %d', (epoch, rate) => {
    expect(learningRate(epoch, schedule)).toBeCloseTo(rate, 14);
  });

  test('stays where nothing is said of a fall or a rise', () => {
    for (const epoch of [0, 0.3, 2])
      expect(learningRate(epoch, { rate: 2e-5, epochs: 2 })).toBe(2e-5);
  });
});

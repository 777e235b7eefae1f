import { describe, expect, test } from 'vitest';
import { figureOf, harmonicFigureOf, shareFigureOf } from '../../lib/evaluate/figures.ts';

const inClusters = (values: readonly (readonly number[])[]) =>
  values.flatMap((own, cluster) => own.map((value) => ({ cluster, value })));

describe('a figure', () => {
  test('is the mean of all observations, and of as many', () => {
    const figure = figureOf(inClusters([[1, 0, 0], [1]]));
    expect(figure).toMatchObject({ mean: 0.5, count: 4 });
  });

  test('has no interval where all clusters agree', () => {
    expect(
      figureOf(
        inClusters([
          [0, 1],
          [1, 0],
          [0, 1],
        ]),
      ),
    ).toMatchObject({ low: 0.5, high: 0.5 });
  });

  test('of one cluster alone has the interval of its pictures', () => {
    const one = figureOf(inClusters([Array.from({ length: 40 }, (_, i) => i % 2)]));
    const apart = figureOf(inClusters(Array.from({ length: 40 }, (_, i) => [i % 2])));
    expect(one).toEqual(apart);
  });

  test('has one of about two standard errors of the means of clusters', () => {
    const values = Array.from({ length: 40 }, (_, i) => [i % 2, i % 2, i % 2]);
    const { mean, low, high } = figureOf(inClusters(values));
    const error = 0.5 / Math.sqrt(40);
    expect(mean).toBe(0.5);
    // 1.96 standard errors, within a fifth: 2,000 draws of 40 clusters.
    expect((mean - low) / error).toBeGreaterThan(1.96 * 0.8);
    expect((high - mean) / error).toBeGreaterThan(1.96 * 0.8);
    expect((high - low) / error).toBeLessThan(2 * 1.96 * 1.2);
  });

  test('of a share that is none or all of them has the exact interval', () => {
    // 0 of 20: at most 16.84 % (Clopper and Pearson 1934, two-sided 95 %).
    const none = shareFigureOf(inClusters(Array.from({ length: 4 }, () => [0, 0, 0, 0, 0])));
    expect([none.low, none.high]).toEqual([0, expect.closeTo(0.1684, 4)]);
    const all = shareFigureOf(inClusters(Array.from({ length: 4 }, () => [1, 1, 1, 1, 1])));
    expect([all.low, all.high]).toEqual([expect.closeTo(0.8316, 4), 1]);
    const some = inClusters([[1, 0, 0], [1], [0, 0]]);
    expect(shareFigureOf(some)).toEqual(figureOf(some));
  });

  test('is the same whenever it is computed', () => {
    const values = inClusters([[0, 1, 1], [0.2], [0.9, 0.1]]);
    expect(figureOf(values)).toEqual(figureOf(values));
  });
});

describe('a harmonic figure', () => {
  const pairs = (values: readonly (readonly [number, number])[]) =>
    values.map((values, i) => ({ cluster: Math.floor(i / 2), values }));

  test('is of the means, whose figures it lies between', () => {
    const values = [0, 1, 2, 3, 4, 5].map((i) => [0.25 + i / 100, 0.75 - i / 50] as const);
    const figure = harmonicFigureOf(pairs(values));
    const [a, b] = [0.275, 0.7];
    expect(figure.mean).toBeCloseTo((2 * a * b) / (a + b), 12);
    expect(figure.count).toBe(6);
    expect(figure.low).toBeLessThan(figure.mean);
    expect(figure.high).toBeGreaterThan(figure.mean);
  });

  test('is 0 where one of the means is not above 0', () => {
    expect(harmonicFigureOf(pairs([[-0.1, 0.9]]))).toMatchObject({ mean: 0, low: 0, high: 0 });
  });
});

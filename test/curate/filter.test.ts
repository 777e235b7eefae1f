import { describe, expect, test } from 'vitest';
import { filterReport, type Judged, reasonsToRemove } from '../../lib/curate/filter.ts';

const hash = (digit: string) => digit.repeat(48);
const judged: readonly Judged[] = [
  { key: 'a', text: 0.3, style: 0.8, colours: 0.5, leakage: -0.1, hash: hash('0') },
  { key: 'b', text: 0.1, style: 0.2, colours: 0.5, leakage: -0.1, hash: hash('1') },
  { key: 'c', text: 0.3, style: 0.2, colours: 0.5, leakage: 0.2, hash: hash('2') },
  { key: 'd', text: 0.3, style: 0.8, colours: 0.1, leakage: -0.1, hash: hash('3') },
  { key: 'e', text: 0.3, style: 0.8, colours: 0.5, leakage: 0.1, hash: hash('4') },
  { key: 'f', fault: 'f.png: broken' },
  // Of what was removed nothing is a duplicate.
  { key: 'g', text: 0.3, hash: hash('1') },
  { key: 'h', text: 0.3, hash: `1${hash('0').slice(1)}` },
];
const thresholds = {
  ...{ minText: 0.2, minStyle: 0.5, minColours: 0.2, maxLeakage: 0, duplicateBits: 1 },
};

describe('a filter', () => {
  test('removes each candidate for its first reason, and asks nothing of scores that are not there', () => {
    expect(reasonsToRemove(judged, thresholds)).toEqual([
      ...[undefined, 'text', 'style', 'colours', 'leakage', 'unreadable', undefined, 'duplicate'],
    ]);
  });

  test('without thresholds removes what cannot be read', () => {
    expect(reasonsToRemove(judged, {}).filter((reason) => reason !== undefined)).toEqual([
      'unreadable',
    ]);
  });

  test('keeps what just reaches its thresholds', () => {
    const exact = { minText: 0.3, minStyle: 0.8, minColours: 0.5, maxLeakage: -0.1 };
    expect(reasonsToRemove(judged.slice(0, 1), exact)).toEqual([undefined]);
  });

  test('reports what it removed, what missed each threshold, and how scores are spread', () => {
    const report = filterReport(judged, reasonsToRemove(judged, thresholds), thresholds);
    expect(report).toMatchObject({
      ...{ candidates: 8, kept: 2, faults: ['f.png: broken'] },
      removed: { text: 1, style: 1, colours: 1, leakage: 1, unreadable: 1, duplicate: 1 },
      failed: { text: 1, style: 2, colours: 1, leakage: 2 },
    });
    const { text, leakage } = report.scores;
    expect(text).toMatchObject({ count: 7, least: 0.1, most: 0.3 });
    expect(text!.mean).toBeCloseTo((6 * 0.3 + 0.1) / 7, 12);
    expect(text!.histogram).toEqual([1, ...Array(18).fill(0), 6]);
    expect(leakage!.histogram).toEqual([3, ...Array(12).fill(0), 1, ...Array(5).fill(0), 1]);
  });
});

import { describe, expect, test } from 'vitest';
import { openDevice } from '../../lib/index.ts';
import { agreementOf } from './agreement.ts';
import { largeCalls } from './large_calls.ts';
import { resultsOf } from './results_of.ts';

describe('two devices agree', () => {
  const ones = [1, 1, 1, 1];
  const changed = (by: number) => [1, 1, 1, 1 + by];

  test.each([
    ['f32', 2e-5],
    ['bf16', 1e-2],
  ] as const)('in %s up to a difference of the whole', (kind, bound) => {
    const length = 2; // of the ones
    expect(agreementOf(changed(0.9 * bound * length), ones, kind).agrees).toBe(true);
    expect(agreementOf(changed(1.1 * bound * length), ones, kind).agrees).toBe(false);
  });

  test('in whole numbers but for one of five hundred', () => {
    const expected = Int32Array.from({ length: 1000 }, (_, i) => i);
    const off = (count: number) => expected.map((value, i) => (i < count ? value + 1 : value));
    expect(agreementOf(off(2), expected, 'integers')).toMatchObject({
      unequal: 2e-3,
      agrees: true,
    });
    expect(agreementOf(off(3), expected, 'integers').agrees).toBe(false);
  });

  test('never where there is a NaN, another length, or nothing but zeros', () => {
    expect(agreementOf(changed(Number.NaN), ones, 'f32').agrees).toBe(false);
    expect(agreementOf(ones, changed(Number.NaN), 'f32').agrees).toBe(false);
    expect(agreementOf([1, 1, 1], ones, 'f32').agrees).toBe(false);
    expect(agreementOf([0, 0], [0, 0], 'f32').agrees).toBe(false);
  });

  test('on infinities that are the same', () => {
    const masked = [1, Number.NEGATIVE_INFINITY];
    expect(agreementOf(masked, masked, 'f32').agrees).toBe(true);
    expect(agreementOf([1, Number.POSITIVE_INFINITY], masked, 'f32').agrees).toBe(false);
  });
});

test('every large call runs, and gives the same on two levels of the CPU', async () => {
  await using device = await openDevice('cpu');
  await using against = await openDevice('cpu:portable');
  let calls = 0;
  for (const call of largeCalls(3)) {
    const [actual, expected] = await Promise.all([
      resultsOf(device, call),
      resultsOf(against, call),
    ]);
    for (const [i, { values, kind }] of expected.entries())
      expect(agreementOf(actual[i]!.values, values, kind), call.name).toMatchObject({
        agrees: true,
      });
    calls++;
  }
  expect(calls).toBeGreaterThan(15);
}, 300_000);

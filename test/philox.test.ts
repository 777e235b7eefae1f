import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { halvesOf, type PhiloxWords, philox, type SeedHalves } from '../lib/philox.ts';
import { philox as definition } from './support/philox.ts';

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('philox', () => {
  test('has the known answer of its authors', () => {
    const ones: PhiloxWords = [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff];
    const answer = [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd];
    expect(philox(ones, [0xffffffff, 0xffffffff])).toEqual(answer);
  });

  test('is its definition on any counter and seed', () => {
    const counters = fc.tuple(word, word, word, word);
    const seeds: fc.Arbitrary<SeedHalves> = fc.tuple(word, word);
    fc.assert(
      fc.property(counters, seeds, (counter, seed) => {
        expect(philox(counter, seed)).toEqual(definition(counter, seed));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test('takes seeds apart', () => {
    expect(halvesOf(0)).toEqual([0, 0]);
    expect(halvesOf(2 ** 53 - 1)).toEqual([0xffffffff, 0x1fffff]);
    expect(halvesOf(5 * 2 ** 32 + 7)).toEqual([7, 5]);
  });
});

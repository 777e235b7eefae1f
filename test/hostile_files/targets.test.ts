// The readers under damaged files. The bar for a reader is 5 million inputs where a compiled one is
// fuzzed at 50,000 a second: 100 seconds. These here are slower, and get what they manage in the same
// time: `npm run fuzz` gives each its 100 seconds, and more when told; its counts are in
// bench/results. Here it is 3,000 each, times STYLEAR_FUZZ, with seeds that do not change.
import { afterAll, describe, expect, test } from 'vitest';
import { fuzz, tried } from './fuzz.ts';
import { readerTargets } from './targets.ts';

const runs = 3000 * Number(process.env.STYLEAR_FUZZ ?? 1);
const { targets, close } = readerTargets();
afterAll(close);

describe.each(targets.map((target) => [target.name, target] as const))('%s', (_, target) => {
  test('reads or refuses every damage, in time and in memory', () => {
    const { inputs, refused } = fuzz(target, 2, (inputs) => inputs === runs);
    expect(inputs).toBe(runs);
    // Else it is not the reader that is tried, or not by what it must refuse.
    expect(refused).toBeGreaterThan(runs / 4);
    expect(refused).toBeLessThan(runs);
  });

  // Of what has a meaning in the format, so that none is refused at its first byte alone.
  test.each([
    '[',
    '{"a":',
    '"',
    '\\',
    ' ',
    '\n',
    '0',
    '9',
    '-',
    'a: \n',
    '- ',
    '(',
    '}',
    ')\x85',
    'N0',
    'PK\x01\x02',
    '\x80',
  ])('takes 128 KiB of %j in time', (piece) => {
    const long = Buffer.alloc(2 ** 17, piece, 'latin1');
    tried(target, long);
    for (const seed of target.seeds) {
      tried(target, Buffer.concat([seed.subarray(0, seed.length / 2), long]));
    }
  });

  test('takes time in proportion to a file', () => {
    // The best of several: a collection of garbage only ever makes it longer.
    const best = (bytes: Buffer): number =>
      Math.min(...Array.from({ length: 5 }, () => tried(target, bytes).ms));
    const small = best(target.large(300));
    // Six times as large: with the square of the size it takes 36 times as long.
    expect(best(target.large(1800))).toBeLessThan(15 * small + 5);
  });

  test('reads what it starts from', () => {
    for (const seed of target.seeds) {
      expect(tried(target, seed).read).toBe(true);
    }
  });
});

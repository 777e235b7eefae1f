import { describe, expect, test } from 'vitest';
import { hashOf, randomOf } from '../../../lib/curate/world/random.ts';

const draws = (seed: number, purpose: string) => {
  const random = randomOf(seed, purpose);
  return Array.from({ length: 8 }, () => random.uniform(0, 1));
};

describe('random', () => {
  test('is the same for a seed and a purpose, and another for another', () => {
    expect(draws(5, 'scene')).toEqual(draws(5, 'scene'));
    expect(draws(6, 'scene')).not.toEqual(draws(5, 'scene'));
    expect(draws(5, 'style')).not.toEqual(draws(5, 'scene'));
    expect(draws(5 + 2 ** 32, 'scene')).not.toEqual(draws(5, 'scene'));
  });

  test('draws what it was asked for, evenly', () => {
    const random = randomOf(1, 'evenly');
    const [counts, picked] = [[0, 0, 0], new Set<string>()];
    let [sum, hits] = [0, 0];
    for (let i = 0; i < 3000; i++) {
      const value = random.uniform(-2, 4);
      expect(value >= -2 && value < 4).toBe(true);
      sum += value;
      counts[random.integer(7, 9) - 7]!++;
      if (random.chance(0.25)) hits++;
      picked.add(random.pick(['a', 'b', 'c']));
    }
    // Five deviations of 3000 draws.
    expect(Math.abs(sum / 3000 - 1)).toBeLessThan(0.16);
    expect(Math.abs(hits / 3000 - 0.25)).toBeLessThan(0.04);
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(130);
    expect([...picked].sort()).toEqual(['a', 'b', 'c']);
  });

  test('hashes as FNV-1a does', () => {
    expect(hashOf('')).toBe(0x811c9dc5);
    expect(hashOf('foobar')).toBe(0xbf9cf968);
  });
});

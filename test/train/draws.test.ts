import { describe, expect, test } from 'vitest';
import { Draws } from '../../lib/train/draws.ts';

const upTo = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

describe('draws', () => {
  test('depend on seed, time, purpose and index, and on nothing else', () => {
    const draw = (seed: number, time: number, index: number) =>
      new Draws(seed, time).uniform('noise', index);
    expect(draw(1, 2, 3)).toBe(draw(1, 2, 3));
    const different = [
      draw(1, 2, 3),
      draw(4, 2, 3),
      draw(1 + 2 ** 40, 2, 3),
      draw(1, 4, 3),
      draw(1, 2, 4),
      new Draws(1, 2).uniform('flip', 3),
    ];
    expect(new Set(different).size).toBe(different.length);
  });

  test('of a part of a batch are those of the whole', () => {
    const whole = new Draws(5, 6);
    expect(whole.from(10).uniform('noise', 2)).toBe(whole.uniform('noise', 12));
    expect([...whole.from(1).from(2).seeds('noise', 2)]).toEqual([
      ...whole.seeds('noise', 5).slice(6),
    ]);
  });

  test('are spread evenly over [0, 1)', () => {
    const draws = new Draws(1, 0);
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) tenths[Math.floor(10 * draws.uniform('noise', i))]!++;
    // Five standard deviations of a tenth of 10,000 draws are 150.
    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  test('shuffle into each order as often', () => {
    const counts = new Map<string, number>();
    for (let time = 0; time < 6000; time++) {
      const order = new Draws(2, time).shuffle(upTo(3), 'order').join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['012', '021', '102', '120', '201', '210']);
    // Five standard deviations of a sixth of 6,000 draws are 144.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(144);
  });
});

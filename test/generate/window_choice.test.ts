import { describe, expect, test } from 'vitest';
import { comparedWindows, WindowChoice } from '../../lib/generate/window_choice.ts';

/** A choice on a machine where each further token of a step costs a share of the first. */
function choiceWhere(share: number): WindowChoice & { readonly measured: string[] } {
  const measured: string[] = [];
  const choice = new WindowChoice(async (streams, window) => {
    measured.push(`${streams}x${window}`);
    return 1 + share * (window - 1);
  });
  return Object.assign(choice, { measured });
}

describe('WindowChoice', () => {
  test('takes the largest window where tokens cost nothing and drafts come true', async () => {
    const choice = choiceWhere(0);
    for (let i = 0; i < 50; i++) choice.observe(8, 0);
    expect(await choice.next(2)).toBe(32);
  });

  test('takes one token at a time where a step costs as much as its tokens', async () => {
    const choice = choiceWhere(1);
    expect(await choice.next(2)).toBe(1);
  });

  test('takes the window with the most decided tokens a second', async () => {
    const choice = choiceWhere(0.1);
    for (let i = 0; i < 500; i++) choice.observe(3, 1);
    expect(choice.acceptance).toBeCloseTo(0.75, 6);
    // (1 - 0.75^w) / 0.25 tokens for 1 + 0.1 (w - 1).
    const rates = comparedWindows.map((w) => (1 - 0.75 ** w) / 0.25 / (1 + 0.1 * (w - 1)));
    const best = comparedWindows[rates.indexOf(Math.max(...rates))];
    expect(await choice.next(2)).toBe(best);
  });

  test('follows what becomes of drafts', async () => {
    const choice = choiceWhere(0.1);
    for (let i = 0; i < 300; i++) choice.observe(0, 1);
    expect(await choice.next(2)).toBe(1);
    for (let i = 0; i < 300; i++) choice.observe(4, 0);
    expect(await choice.next(2)).toBeGreaterThan(4);
  });

  test('tries drafts now and then where they did not come true', async () => {
    const choice = choiceWhere(0.1);
    for (let i = 0; i < 300; i++) choice.observe(0, 1);
    const windows = [];
    for (let i = 0; i < 128; i++) windows.push(await choice.next(2));
    expect(windows.filter((window) => window > 1)).toEqual(Array(8).fill(4));
  });

  test('measures each window once for a number of streams, up to the next power of two', async () => {
    const choice = choiceWhere(0.1);
    for (const streams of [2, 3, 4, 4, 2, 3]) await choice.next(streams);
    expect(choice.measured).toEqual(
      [2, 4].flatMap((streams) => comparedWindows.map((window) => `${streams}x${window}`)),
    );
  });

  test('learns nothing from a step without drafts', () => {
    const choice = choiceWhere(0.1);
    choice.observe(0, 0);
    expect(choice.acceptance).toBe(0.5);
  });
});

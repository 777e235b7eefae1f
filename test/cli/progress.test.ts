import { afterEach, expect, test, vi } from 'vitest';
import { Progress } from '../../lib/cli/progress.ts';

afterEach(() => vi.restoreAllMocks());

test('progress tells the time that is left by what this run has made', () => {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
  const written: string[] = [];
  const write = (text: string) => written.push(text) > 0;
  const progress = new Progress({ isTTY: false, write } as unknown as NodeJS.WriteStream);
  clock.mockReturnValue(60_000);
  progress.update(80, 100, 'a', 70);
  clock.mockReturnValue(80_000);
  progress.update(25, 100, 'b');
  clock.mockReturnValue(100_000);
  progress.update(70, 100, 'c', 70);
  expect(written).toEqual([
    expect.stringMatching(/ 80 % a, 2 min 0 s left\n$/),
    expect.stringMatching(/ 25 % b, 4 min 0 s left\n$/),
    expect.stringMatching(/ 70 % c, \? left\n$/),
  ]);
});

import { afterEach, describe, expect, test, vi } from 'vitest';
import { Progress } from '../../lib/cli/progress.ts';

afterEach(() => vi.restoreAllMocks());

describe('progress tells the time that is left', () => {
  test('by what this run has made', () => {
    expect(lines([60, 70, 100], [80, 80, 100], [100, 80, 100])).toEqual([
      '70 % words, ? left',
      '80 % words, 40 s left',
      '80 % words, 1 min 20 s left',
    ]);
  });

  test('by the last five minutes', () => {
    const hour = Array.from({ length: 60 }, (_, i) => [60 * (i + 1), i, 1000] as const);
    expect(lines(...hour, [3660, 160, 1000], [3960, 660, 1000]).slice(-2)).toEqual([
      // 105 in five minutes, then 500 in five.
      '16 % words, 40 min 0 s left',
      '66 % words, 3 min 24 s left',
    ]);
  });

  test('anew in each stage', () => {
    expect(lines([10, 0, 50], [20, 50, 50], [300, 5, 50], [310, 10, 50], [320, 30, 60])).toEqual([
      '0 % words, ? left',
      '100 % words, 0 s left',
      '10 % words, ? left',
      '20 % words, 1 min 20 s left',
      '50 % words, ? left',
    ]);
  });
});

/** What is printed at updates in a log: seconds, units that are done, units in all. */
function lines(...updates: (readonly [seconds: number, done: number, total: number])[]): string[] {
  const written: string[] = [];
  const write = (text: string) => written.push(text.replace(/^[^ ]* |\n$/g, '')) > 0;
  const progress = new Progress({ isTTY: false, write } as unknown as NodeJS.WriteStream);
  const clock = vi.spyOn(performance, 'now');
  for (const [seconds, done, total] of updates) {
    clock.mockReturnValue(1000 * seconds);
    progress.update(done, total, 'words');
  }
  return written;
}

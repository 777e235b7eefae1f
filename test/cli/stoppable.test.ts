import { describe, expect, test } from 'vitest';
import { untilStopped } from '../../lib/cli/stoppable.ts';
import { printedLines } from './printed.ts';

const printed = printedLines();

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const listeners = () => signals.map((name) => process.listenerCount(name));

describe('untilStopped', () => {
  test.each(signals)('stops at the first %s, and leaves the second to end all', async (name) => {
    const before = listeners();
    const streams = [process.stdout, process.stderr];
    const status = await untilStopped(async (signal) => {
      expect(listeners()).toEqual(before.map((count) => count + 1));
      process.emit(name, name);
      expect(listeners()).toEqual(before);
      signal.throwIfAborted();
      return 0;
    });
    expect(status).toBe(1);
    expect(printed).toEqual(['stopped; the same command goes on']);
    for (const stream of streams)
      expect(stream.listenerCount('error') > 0 || name !== 'SIGHUP').toBe(true);
  });

  test('is what the run came to otherwise', async () => {
    const before = listeners();
    expect(await untilStopped(async () => 3)).toBe(3);
    await expect(untilStopped(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(listeners()).toEqual(before);
    expect(printed).toEqual([]);
  });
});

import { afterAll, afterEach, beforeEach, vi } from 'vitest';

/**
 * What commands print in each test of a file, a line each: it is emptied before the next one. Progress
 * is left out, and the exit status of the tests is not that of the commands.
 */
export function printedLines(): string[] {
  const lines: string[] = [];
  const status = process.exitCode;
  beforeEach(() => {
    lines.length = 0;
    vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  });
  afterEach(() => vi.restoreAllMocks());
  afterAll(() => {
    process.exitCode = status;
  });
  return lines;
}

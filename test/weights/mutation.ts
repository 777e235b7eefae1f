import { expect } from 'vitest';
import { type ErrorCode, StylearError } from '../../lib/error.ts';
import { type ByteSource, inMemory } from '../../lib/weights/byte_source.ts';
import { damaged } from '../support/damaged.ts';
import { uniform } from '../support/numbers.ts';

/** Of the default run; `STYLEAR_FUZZ` multiplies it. */
const runs = 3000 * Number(process.env.STYLEAR_FUZZ ?? 1);

/**
 * Reads many damaged forms of a file: bytes changed, cut out, repeated, cut off. Each must be read or
 * refused with the code, within 100 ms.
 */
export function readsOrRefuses(
  whole: Buffer,
  read: (source: ByteSource) => void,
  code: ErrorCode = 'ERR_WEIGHTS',
): void {
  const next = uniform(whole.length);
  const below = (n: number) => Math.floor(n * next());
  let refused = 0;
  for (let run = 0; run < runs; run++) {
    const bytes = damaged(whole, below);
    const begin = performance.now();
    try {
      read(inMemory('damaged', bytes));
    } catch (error) {
      if (!(error instanceof StylearError && error.code === code)) throw error;
      refused++;
    }
    // A collection of garbage or a busy machine may fall into one; a slow input is slow twice.
    if (performance.now() - begin > 100) {
      const again = performance.now();
      try {
        read(inMemory('damaged', bytes));
      } catch {}
      expect(performance.now() - again).toBeLessThan(100);
    }
  }
  expect(refused).toBeGreaterThan(runs / 4);
}

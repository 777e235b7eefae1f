import { expect } from 'vitest';
import { StylearError } from '../../lib/error.ts';
import { type ByteSource, inMemory } from '../../lib/weights/byte_source.ts';
import { uniform } from '../support/numbers.ts';

/** Of the default run; `STYLEAR_FUZZ` multiplies it. */
const runs = 3000 * Number(process.env.STYLEAR_FUZZ ?? 1);

/**
 * Reads many damaged forms of a file: bytes changed, cut out, repeated, cut off. Each must be read or
 * refused as `ERR_WEIGHTS`, within 100 ms.
 */
export function readsOrRefuses(whole: Buffer, read: (source: ByteSource) => void): void {
  const next = uniform(whole.length);
  const below = (n: number) => Math.floor(n * next());
  let refused = 0;
  for (let run = 0; run < runs; run++) {
    const bytes = damaged(whole, below);
    const begin = performance.now();
    try {
      read(inMemory('damaged', bytes));
    } catch (error) {
      if (!(error instanceof StylearError && error.code === 'ERR_WEIGHTS')) throw error;
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

function damaged(whole: Buffer, below: (n: number) => number): Buffer {
  const interesting = [0, 1, 0x7f, 0x80, 0xff, 0x28, 0x2e, 0x52, 0x63, 0x7b];
  let bytes: Buffer = Buffer.from(whole);
  for (let changes = 1 + below(3); changes > 0 && bytes.length > 0; changes--) {
    const at = below(bytes.length);
    const length = 1 + below(8);
    switch (below(6)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes[at] = interesting[below(interesting.length)]!;
        break;
      case 2:
        bytes[at]! ^= 1 << below(8);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      default:
        bytes = bytes.subarray(0, at);
    }
  }
  return bytes;
}

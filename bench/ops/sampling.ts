/** Token sampling: guidance, top-k 2000 and the draw, over the codes alone and the whole vocabulary. */

import { sample, scope } from '../../lib/index.ts';
import { noise, type OpCase } from './case.ts';

/** @param sets  see `OpCase` */
export function samplingCase(width: number, rows: number, sets = 1): OpCase {
  const topK = 2000;
  return {
    op: 'sample',
    shape: `${rows} x ${width}, guidance, top-k ${topK}`,
    dtype: 'f32',
    work: 2 * rows * width * 4,
    limit: 'read',
    sets,
    torch: { op: 'sample', rows, width, topK },
    prepare(device) {
      const logits = noise(device, [rows, width], 'f32', 8);
      const each = <T extends number>(values: readonly T[]) =>
        Array.from({ length: rows }, () => values).flat();
      const options = {
        uncond: noise(device, [rows, width], 'f32', 4),
        range: device.from(Int32Array.from(each([0, width])), [rows, 2]),
        topK: device.from(new Int32Array(rows).fill(topK)),
        settings: device.from(Float32Array.from(each([4, 1, 1, 0])), [rows, 4]),
        seeds: device.from(Int32Array.from(each([1, 2])), [rows, 2]),
        positions: device.from(Int32Array.from({ length: rows }, (_, i) => i)),
      };
      return () => scope(() => void sample(logits, options));
    },
  };
}

export const samplingCases: readonly OpCase[] = [8192, 65536].flatMap((width) =>
  [1, 16].map((rows) => samplingCase(width, rows)),
);

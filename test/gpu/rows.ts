/**
 * At the sizes of the 7B: a row of a linear layer, of decode attention and of sampling has the same bits
 * whichever rows are computed beside it. Speculation and batching rest on it.
 *
 *   node rows.js [--device cuda]
 */

import { parseArgs } from 'node:util';
import * as ops from '../../lib/index.ts';
import { type Device, openDevice, scope, type Tensor } from '../../lib/index.ts';
import { deviceNoise } from '../support/device_noise.ts';

interface RowOp {
  readonly name: string;
  /** Computes rows [first, end) of 64, `[end - first, ...]`. */
  readonly rows: (first: number, end: number) => Tensor;
}

const most = 64;

const noise = (device: Device, shape: readonly number[], strength = 1): Tensor =>
  deviceNoise(device, shape, 'bf16', strength);

function* rowOps(device: Device): Generator<RowOp> {
  for (const [out, inner] of [
    [4096, 4096],
    [11008, 4096],
    [4096, 11008],
  ] as const) {
    const x = noise(device, [most, inner]);
    const dense = noise(device, [out, inner], 0.03);
    const by8 = ops.quantiseRows(dense);
    for (const [words, weight] of [['bf16', dense] as const, ['bf16 by i8', by8] as const])
      yield {
        name: `linear ${out} x ${inner} ${words}`,
        rows: (first, end) => ops.linear(ops.slice(x, first, end, 0), weight),
      };
    for (const tensor of [x, dense, by8.weight, by8.scale]) tensor.dispose();
  }

  const [heads, headDim, pageTokens, pagesEach] = [32, 128, 64, 3];
  const q = noise(device, [most, 1, heads, headDim], 2);
  const [kPages, vPages] = [0, 1].map(() =>
    noise(device, [most * pagesEach, heads, pageTokens, headDim]),
  ) as [Tensor, Tensor];
  const lengths = Array.from({ length: most }, (_, i) => 1 + ((i * 37) % (pageTokens * pagesEach)));
  yield {
    name: `paged_attention ${heads} x ${headDim}`,
    rows: (first, end) => {
      const pages = Array.from(
        { length: (end - first) * pagesEach },
        (_, i) => first * pagesEach + i,
      );
      const table = device.from(Int32Array.from(pages), [end - first, pagesEach]);
      const some = device.from(Int32Array.from(lengths.slice(first, end)));
      return ops.pagedAttention(ops.slice(q, first, end, 0), { kPages, vPages, table }, some);
    },
  };
  for (const tensor of [q, kPages, vPages]) tensor.dispose();

  const width = 65536;
  const logits = noise(device, [most, width], 4);
  const uncond = noise(device, [most, width], 3);
  yield {
    name: `sample of ${width}`,
    rows: (first, end) => {
      const each = (value: (row: number) => readonly number[]) =>
        Array.from({ length: end - first }, (_, i) => value(first + i)).flat();
      const rows = end - first;
      return ops.sample(ops.slice(logits, first, end, 0), {
        uncond: ops.slice(uncond, first, end, 0),
        range: device.from(Int32Array.from(each(() => [4, width - 5])), [rows, 2]),
        topK: device.from(Int32Array.from(each((row) => [[0, 1, 50, 2000][row % 4]!]))),
        settings: device.from(
          each(() => [4, 1, 0.95, 0]),
          [rows, 4],
        ),
        seeds: device.from(Int32Array.from(each((row) => [row, 7])), [rows, 2]),
        positions: device.from(Int32Array.from(each((row) => [100 + row]))),
      }).tokens;
    },
  };
  for (const tensor of [logits, uncond]) tensor.dispose();
}

const bytesOf = async (tensor: Tensor): Promise<Buffer> => {
  const values = await tensor.read();
  tensor.dispose();
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
};

const { values } = parseArgs({ options: { device: { type: 'string', default: 'cuda' } } });
await using device = await openDevice(values.device);
let failed = 0;
for (const { name, rows } of rowOps(device)) {
  const all = await bytesOf(scope(() => rows(0, most)));
  const stride = all.length / most;
  const different: string[] = [];
  for (const count of [1, 2, 3, 4, 7, 8, 9, 16, 17, 31, 32, 33, 63])
    for (const first of new Set([0, Math.floor((most - count) / 2), most - count])) {
      const some = await bytesOf(scope(() => rows(first, first + count)));
      if (!some.equals(all.subarray(first * stride, (first + count) * stride)))
        different.push(`${first} to ${first + count - 1}`);
    }
  if (different.length > 0) failed++;
  console.log(
    `${different.length === 0 ? 'ok    ' : 'FAILED'}  ${name}` +
      (different.length === 0 ? '' : `  rows ${different.join(', ')} differ from those of all 64`),
  );
}
console.log(`${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

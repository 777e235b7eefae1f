/**
 * Whether anything else is worth its time on a GPU: the device opens, a product of the size that goes to
 * cuBLASLt is the CPU's, and so is a replay of it on other values.
 *
 *   node gate.js [--device cuda] [--against cpu]
 *
 * Says the driver, the GPU's capability, which cuBLASLt was loaded, and how long each took. Exits with 1
 * when one of them fails.
 */

import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { type Device, linear, openDevice, type Tensor } from '../../lib/index.ts';
import { queryGpu } from '../support/gpu_state.ts';
import { uniform } from '../support/numbers.ts';
import { agreementOf } from './agreement.ts';

/** More than 64 rows, and more multiply-adds than are worth a call of cuBLASLt (native/cuda/gemm.cuh). */
const [rows, outputs, inner] = [192, 1024, 1024];

function noise(seed: number, count: number): Float32Array {
  const next = uniform(seed);
  return Float32Array.from({ length: count }, () => 2 * next() - 1);
}

interface Product {
  readonly x: Tensor;
  readonly of: () => Tensor;
}

function productOn(device: Device): Product {
  const x = device.from(noise(1, rows * inner), [rows, inner], 'bf16');
  const weight = device.from(noise(2, outputs * inner), [outputs, inner], 'bf16');
  return { x, of: () => linear(x, weight) };
}

let failed = false;

async function step(name: string, body: () => Promise<string>): Promise<void> {
  const began = performance.now();
  const words = await body();
  console.log(`${name}: ${words}, ${(performance.now() - began).toFixed(0)} ms`);
}

/** Compares, and remembers when it does not agree. */
function compared(actual: ArrayLike<number>, expected: ArrayLike<number>): string {
  const { agrees, difference } = agreementOf(actual, expected, 'bf16');
  if (!agrees) failed = true;
  return `${agrees ? 'ok' : 'FAILED'}, ${difference.toExponential(1)} from the CPU's`;
}

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'cuda' },
    against: { type: 'string', default: 'cpu' },
  },
});
const gpu = queryGpu(['name', 'driver_version', 'compute_cap', 'memory.total']);
if (typeof gpu === 'string') console.log(`GPU: ${gpu}`);
else console.log(`GPU: ${gpu[0]}, driver ${gpu[1]}, compute capability ${gpu[2]}, ${gpu[3]} MiB`);

let device!: Device;
await step('opening', async () => {
  device = await openDevice(values.device);
  return device.name;
});
const against = await openDevice(values.against);
const [product, reference] = [productOn(device), productOn(against)];
const words = `a product of ${rows} rows`;
await step(words, async () => compared(await product.of().read(), await reference.of().read()));
const loaded = /\/\S*libcublasLt\S*/.exec(readFileSync('/proc/self/maps', 'utf8'));
console.log(`cuBLASLt: ${loaded?.[0] ?? "none; large products are the package's own"}`);
await step(`${words}, recorded and replayed`, async () => {
  const graph = device.record(product.of);
  for (const { x } of [product, reference]) x.write(noise(3, rows * inner));
  graph.replay();
  return compared(await graph.result.read(), await reference.of().read());
});
await Promise.all([device.close(), against.close()]);
process.exitCode = failed ? 1 : 0;

// JavaScript threads for the tests of this folder. They use the addon itself: what is tested is that
// it survives the end of the thread that it belongs to.
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { findLibraries, nativeFolder } from '../../lib/native.ts';
import { devicesToTest } from '../support/on_every_device.ts';

/** The library of a device that runs here: the CPU's, at the lowest level there is. */
export function libraryPath(): string {
  const kind = devicesToTest().find((name) => name.startsWith('cpu:'))!;
  return findLibraries().find(({ name }) => name === kind)!.path;
}

/** Opens a device; `run(op, ...numbers)` lays the numbers into the buffer and enqueues the op. */
export const prelude = `
const { parentPort, workerData } = require('node:worker_threads');
const addon = require(workerData.addon);
const index = Object.fromEntries(addon.ops.map((op, i) => [op.name, i]));
const open = () => addon.open(workerData.library, 2, 0);
const make = (device, ...shape) => {
  device.buffer.set(shape);
  return device.make(0, shape.length);
};
const run = (device, op, ...numbers) => {
  device.buffer.set(numbers);
  device.run(index[op]);
};
`;

/** Where the prelude finds native code. */
export function threadData() {
  return { addon: join(nativeFolder(), 'stylear.node'), library: libraryPath() };
}

/** A thread that runs `body`, CommonJS, with the functions of the prelude. */
export function startThread(body: string): Worker {
  return new Worker(prelude + body, { eval: true, workerData: threadData() });
}

/** The same as a program of its own, for `node -e`. */
export function programOf(body: string): string {
  const data = `const workerData = ${JSON.stringify(threadData())};`;
  return prelude.replace(/const \{ parentPort.*/, data) + body;
}

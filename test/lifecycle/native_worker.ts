// JavaScript threads for the tests of this folder. They use the addon itself: what is tested is that
// it survives the end of the thread that it belongs to.
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { findLibraries, nativeFolder } from '../../lib/native.ts';
import { devicesToTest } from '../support/on_every_device.ts';

/** Devices whose host code survives what happens to their thread: the CPU's, at its lowest level. */
export const hosts = ['cpu:', 'simt_cuda'].flatMap((prefix) =>
  devicesToTest({ withHostSide: true })
    .filter((name) => name.startsWith(prefix))
    .slice(0, 1),
);

function libraryPath(kind: string): string {
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
export function threadData(kind: string) {
  return { addon: join(nativeFolder(), 'stylear.node'), library: libraryPath(kind) };
}

/** A thread that runs `body`, CommonJS, with the functions of the prelude. */
export function startThread(kind: string, body: string): Worker {
  return new Worker(prelude + body, { eval: true, workerData: threadData(kind) });
}

/** The same as a program of its own, for `node -e`. */
export function programOf(kind: string, body: string): string {
  const data = `const workerData = ${JSON.stringify(threadData(kind))};`;
  return prelude.replace(/const \{ parentPort.*/, data) + body;
}

/**
 * The released sizes on this machine: every part of a synthetic checkpoint opens, runs once, and takes
 * what the estimate says.
 *
 *   npm run bench:full -- <folder of bench:synthetic> [--cold] [--no-write]
 *
 * `--cold` asks the system to forget the files first, so that the first token waits for the disk.
 * Writes bench/results/full-size-<device>-<date>.json.
 */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { type Device, openDevice, StyleAR, scope } from '../lib/index.ts';
import { Figures } from './figure.ts';
import { repositoryRoot } from './limits.ts';
import { programOptions } from './options.ts';
import { circumstances, writeReport } from './report.ts';

const root = repositoryRoot();
process.env.STYLEAR_NATIVE_DIR ??= path.join(root, 'build', 'Release'); // this file runs elsewhere

const figures = new Figures();

/** Milliseconds until all that `body` enqueued is done. */
async function timed(device: Device, body: () => unknown): Promise<number> {
  const began = performance.now();
  scope(() => void body());
  await device.idle();
  return performance.now() - began;
}

/** Resident memory of this process, bytes: all of it, and that which is not from files. */
function resident(): { readonly all: number; readonly own: number } {
  const status = readFileSync('/proc/self/status', 'utf8');
  const kilobytes = (name: string) =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
  return { all: kilobytes('VmRSS') * 1024, own: kilobytes('RssAnon') * 1024 };
}

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));

const { values, positionals } = programOptions(import.meta.filename, {
  allowPositionals: true,
  options: {
    cold: { type: 'boolean', default: false },
    'no-write': { type: 'boolean', default: false },
  },
});
const [folder] = positionals;
if (!folder) throw new Error('expected the folder of a checkpoint');

if (values.cold) {
  for (const file of filesUnder(folder))
    execFileSync('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], {
      stdio: 'ignore',
    });
  const largest = filesUnder(folder).sort((a, b) => statSync(b).size - statSync(a).size)[1]!;
  const began = performance.now();
  execFileSync('dd', [`if=${largest}`, 'of=/dev/null', 'bs=16M'], { stdio: 'ignore' });
  const seconds = (performance.now() - began) / 1e3;
  figures.add('the disk, one file read through', statSync(largest).size / 1e9 / seconds, 'GB/s');
  execFileSync('dd', [`of=${largest}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], {
    stdio: 'ignore',
  });
}

const cacheBytes = 2 * 2432 * 512 * 1024;
const device = await openDevice('cpu');
const before = resident();
const estimate = StyleAR.estimate(folder, { cacheBytes, rows: 2 });
let began = performance.now();
const stylear = await StyleAR.load(folder, { device, cacheBytes });
await device.idle();
figures.add('opening everything', performance.now() - began, 'ms');
const { model } = stylear.preparation;
const { chameleon, encoder, vqgan } = model;

let peak = 0;
const watch = async (what: string, body: () => unknown): Promise<void> => {
  const ms = await timed(device, body);
  peak = Math.max(peak, device.memory().reservedBytes);
  figures.add(what, ms, 'ms');
};

const step = () => {
  const ids = device.from(Int32Array.of(8197, 8197), [2, 1]);
  const hidden = chameleon.decode(chameleon.embed(ids, { dtype: 'bf16' }), stylear.engine.cache, {
    positions: device.zeros([2, 1], 'i32'),
    lengths: device.full([2], 1, 'i32'),
    table: device.from(Int32Array.of(0, 1), [2, 1]),
  });
  chameleon.head.forward(hidden);
};
began = performance.now();
await watch('first step of both streams, weights from the files', step);
const read = estimate.weights.transformer + estimate.weights.adapter;
figures.add('  read at', read / 1e6 / (performance.now() - began), 'GB/s');
await watch('second step', step);
figures.add('  weights at', read / 1e6 / figures.all.at(-1)!.value, 'GB/s');
await watch('CLIP and resampler, one reference', () =>
  encoder.encode(device.zeros([1, 224, 224, 3])),
);
const live = device.memory().liveBytes;
await watch('VQGAN, decode 768 x 768', () => vqgan.decode(device.zeros([1, 48, 48], 'i32')));

const { all, own } = resident();
const gib = (bytes: number) => bytes / 2 ** 30;
figures.add('estimate: all', gib(estimate.total), 'GiB');
figures.add('estimate: of it in files', gib(estimate.mapped), 'GiB');
figures.add('resident at the end', gib(all - before.all), 'GiB');
figures.add('resident at the end, not from files', gib(own - before.own), 'GiB');
const owned = estimate.total - estimate.mapped;
figures.add('device: weights and cache', gib(live), 'GiB');
figures.add('device: most reserved', gib(peak), 'GiB');
figures.add('device: most reserved over what the estimate has outside of files', peak / owned, '');
await stylear.close();
await device.close();

if (!values['no-write']) {
  const about = circumstances(root, device.name, device.threads);
  writeReport(root, `full-size-${device.name}-${about.date}`, { ...about, figures: figures.all });
}

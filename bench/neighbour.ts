/** What a product keeps of its quiet speed with a busy loop pinned to each core. */

import { type ChildProcess, spawn } from 'node:child_process';
import os from 'node:os';
import { performance } from 'node:perf_hooks';

import { type Device, linear, scope } from '../lib/index.ts';
import type { BarredFigure } from './figure.ts';
import { median } from './measure.ts';
import { noise } from './ops/case.ts';

const rounds = 9;

/**
 * Products of two rows with 128 MiB of weights. Queued as a step of a model queues them, thirty before
 * one waits; and each waited for, which adds how late the scheduler wakes JavaScript and the queue.
 *
 * The loops are stopped and let go on in turns, and each busy stretch counts against the quiet ones
 * around it: memory here changes its speed by half within a minute.
 */
export async function neighbour(device: Device): Promise<BarredFigure[]> {
  const x = noise(device, [2, 4096], 'bf16');
  const weight = noise(device, [16384, 4096], 'bf16');
  const step = () => scope(() => void linear(x, weight));
  const loops = Array.from({ length: os.availableParallelism() }, (_, core) =>
    spawn('taskset', ['-c', String(core), process.execPath, '-e', 'for (;;);']),
  );
  await pause(500);
  const queued = await kept(device, step, 30, loops);
  const waited = await kept(device, step, 1, loops);
  for (const loop of loops) loop.kill('SIGKILL');
  const unit = 'of quiet speed';
  return [
    { what: 'decode products beside a busy loop on each core', value: queued, unit, bar: '0.40' },
    { what: 'the same, each waited for', value: waited, unit, bar: '' },
  ];
}

/** The median over the rounds in which quiet speed stayed within a tenth, if there are any. */
async function kept(
  device: Device,
  step: () => void,
  callsPerWait: number,
  loops: readonly ChildProcess[],
): Promise<number> {
  const speed = async (seconds: number): Promise<number> => {
    const begin = performance.now();
    let calls = 0;
    do {
      for (let i = 0; i < callsPerWait; i++) step();
      await device.idle();
      calls += callsPerWait;
    } while (performance.now() - begin < seconds * 1e3);
    return calls / (performance.now() - begin);
  };
  const send = (signal: NodeJS.Signals): void => {
    for (const loop of loops) loop.kill(signal);
  };
  send('SIGSTOP');
  await speed(0.3);
  const steady: number[] = [];
  const all: number[] = [];
  let before = await speed(0.25);
  for (let r = 0; r < rounds; r++) {
    send('SIGCONT');
    await speed(0.05);
    const busy = await speed(0.5);
    send('SIGSTOP');
    await speed(0.05);
    const after = await speed(0.25);
    const share = (2 * busy) / (before + after);
    all.push(share);
    if (Math.abs(after / before - 1) < 0.1) steady.push(share);
    before = after;
  }
  return median(steady.length > 0 ? steady : all);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

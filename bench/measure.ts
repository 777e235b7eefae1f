/** Times work on a device: the median of several stretches after a warm-up. */

import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

import type { Device } from '../lib/index.ts';

export interface Timing {
  /** Median seconds of one call. */
  readonly seconds: number;
  /** Cores that others kept busy meanwhile: above about 0.15 the figure is worth less. */
  readonly otherCores: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/**
 * @param step     enqueues the work once
 * @param seconds  how long to measure, after a warm-up of at most a third of it
 */
export async function time(device: Device, step: () => void, seconds = 0.6): Promise<Timing> {
  const stretch = async (calls: number): Promise<number> => {
    const begin = performance.now();
    for (let i = 0; i < calls; i++) step();
    await device.idle();
    return (performance.now() - begin) / 1e3;
  };
  await stretch(1);
  const once = Math.max(await stretch(1), 1e-7);
  // A stretch lasts at least 5 ms, so that the notification at its end does not count.
  const calls = Math.max(1, Math.round(Math.min(5e-3, seconds / 4) / once));
  await stretch(Math.max(1, Math.round(seconds / 3 / once / calls)) * Math.min(calls, 4));
  const before = cpuUse();
  const times: number[] = [];
  const end = performance.now() + seconds * 1e3;
  while (times.length < 5 || (performance.now() < end && times.length < 200))
    times.push((await stretch(calls)) / calls);
  const after = cpuUse();
  const others = (after.all - before.all - (after.own - before.own)) / (after.at - before.at);
  return { seconds: median(times), otherCores: Math.max(0, others) };
}

/** Seconds of CPU time used by the machine and by this process, and the time of day. */
function cpuUse(): { all: number; own: number; at: number } {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  const ticks = line.trim().split(/\s+/).slice(1).map(Number);
  const busy = [0, 1, 2, 5, 6, 7].reduce((sum, k) => sum + (ticks[k] ?? 0), 0);
  const { user, system } = process.cpuUsage();
  return { all: busy / 100, own: (user + system) / 1e6, at: performance.now() / 1e3 };
}

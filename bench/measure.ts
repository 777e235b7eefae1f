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
 * Waits until others leave the cores alone, at most so many seconds: a figure taken beside a busy
 * neighbour says more about the neighbour.
 */
export async function quiet(patience: number): Promise<void> {
  const end = performance.now() + patience * 1e3;
  while (performance.now() < end) {
    const before = cpuUse();
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (others(before, cpuUse()) < 0.1) return;
  }
}

/**
 * Takes a figure. Where others were busy meanwhile it is taken again, twice at most, and the least
 * disturbed one counts.
 *
 * @param patience  how many seconds to wait for the others before it is taken again
 */
export async function leastDisturbed<Figure extends { readonly otherCores: number }>(
  take: () => Promise<Figure>,
  patience: number,
): Promise<Figure> {
  let best = await take();
  for (let again = 0; again < 2 && best.otherCores > 0.15; again++) {
    await quiet(patience);
    const next = await take();
    if (next.otherCores < best.otherCores) best = next;
  }
  return best;
}

/**
 * Median seconds of a call, which may be one that is awaited; of the least disturbed stretch.
 *
 * @param seconds   how long to measure
 * @param patience  see {@link leastDisturbed}
 */
export const time = (
  device: Device,
  step: () => void | Promise<void>,
  { seconds = 0.6, patience = 5 } = {},
): Promise<Timing> => leastDisturbed(() => timeOnce(device, step, seconds), patience);

/**
 * @param step     enqueues the work once, or makes it
 * @param seconds  how long to measure, after a warm-up of at most a third of it
 */
async function timeOnce(
  device: Device,
  step: () => void | Promise<void>,
  seconds: number,
): Promise<Timing> {
  const stretch = async (calls: number): Promise<number> => {
    const begin = performance.now();
    for (let i = 0; i < calls; i++) {
      const made = step();
      if (made) await made; // not awaited where it is enqueued only: a turn is longer than small ops
    }
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
  return { seconds: median(times), otherCores: others(before, after) };
}

interface CpuUse {
  readonly all: number;
  readonly own: number;
  readonly at: number;
}

function others(before: CpuUse, after: CpuUse): number {
  const used = after.all - before.all - (after.own - before.own);
  return Math.max(0, used / (after.at - before.at));
}

/** Seconds of CPU time used by the machine and by this process, and the time of day. */
function cpuUse(): CpuUse {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  const ticks = line.trim().split(/\s+/).slice(1).map(Number);
  const busy = [0, 1, 2, 5, 6, 7].reduce((sum, k) => sum + (ticks[k] ?? 0), 0);
  const { user, system } = process.cpuUsage();
  return { all: busy / 100, own: (user + system) / 1e6, at: performance.now() / 1e3 };
}

/** Calls in a recording, or the shortest time that is enough of them. */
const recordedCalls = 20;
const recordedSeconds = 2e-3;

/**
 * What a step costs a GPU, without what it costs to enqueue it: a recording of some calls, which is
 * replayed.
 *
 * @param steps  take turns; each enqueues the work once
 * @returns      what replays, and how many calls that is
 */
export async function recording(
  device: Device,
  steps: readonly (() => void)[],
): Promise<{ readonly replay: () => void; readonly calls: number }> {
  for (const step of steps) step(); // once as itself, so that what it needs exists
  await device.idle();
  const { seconds } = await timeOnce(device, steps[0]!, 0.02);
  const enough = Math.min(recordedCalls, Math.ceil(recordedSeconds / seconds));
  const calls = Math.max(enough, steps.length);
  const graph = device.record(() => {
    for (let i = 0; i < calls; i++) steps[i % steps.length]!();
  });
  return { replay: () => graph.replay(), calls };
}

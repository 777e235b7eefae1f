/** Our time beside the machine's limit and beside that of peers, all taken in turn. */

import type { Device } from '../lib/index.ts';
import { better } from './compare/peers.ts';
import type { Limit, Limits } from './limits.ts';
import { type Timing, time } from './measure.ts';

export interface Beside {
  readonly ours: Timing;
  /** The limit around it. */
  readonly limit: number;
  /** Seconds of each peer, or why there are none. */
  readonly theirs: readonly (number | string)[];
}

export interface Effort {
  /** How long to measure each time. */
  readonly seconds: number;
  /** How many seconds to wait for others to leave the cores alone. */
  readonly patience: number;
}

/**
 * Limit, ours, limit, peers, and the same once more. The half counts in which the limit moved less, and
 * the peers' better times.
 *
 * @param step   enqueues the work once, or makes it
 * @param peers  each measures itself once
 */
export async function measureBeside(
  device: Device,
  step: () => void | Promise<void>,
  { machine, limit }: { readonly machine: Limits; readonly limit: Limit },
  peers: readonly (() => Promise<number | string>)[],
  effort: Effort,
): Promise<Beside> {
  const half = async () => {
    const before = limitRate(machine, limit);
    const ours = await time(device, step, effort);
    const after = limitRate(machine, limit);
    return { ours, limit: (before + after) / 2, drift: Math.abs(Math.log(after / before)) };
  };
  const first = await half();
  const theirs: (number | string)[] = [];
  for (const peer of peers) theirs.push(await peer());
  const second = await half();
  for (const [i, peer] of peers.entries()) theirs[i] = better(theirs[i] ?? '', await peer());
  const best = first.drift < second.drift ? first : second;
  return { ours: best.ours, limit: best.limit, theirs };
}

/** The rate that bounds a case: where there are no bf16 pair products, f32 multiply-adds do them. */
function limitRate(machine: Limits, limit: Limit): number {
  const rate = machine.measure(limit);
  return limit === 'bf16' ? Math.max(rate, machine.measure('fma')) : rate;
}

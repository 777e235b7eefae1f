/**
 * `npm run bench:host`: what surrounds the arithmetic. A call from JavaScript, eager and replayed; the
 * beat of the event loop under load; start-up; opening mapped weights; speed beside a busy neighbour on
 * every core.
 *
 * Writes bench/results/host-<device>-<date>.json.
 */

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

import { type Device, linear, openDevice, scope } from '../lib/index.ts';
import type { BarredFigure } from './figure.ts';
import { repositoryRoot } from './limits.ts';
import { median } from './measure.ts';
import { neighbour } from './neighbour.ts';
import { opening } from './opening.ts';
import { noise } from './ops/case.ts';
import { circumstances, writeReport } from './report.ts';

const root = repositoryRoot();
process.env.STYLEAR_NATIVE_DIR ??= path.join(root, 'build', 'Release'); // this file runs elsewhere

/** Nanoseconds from call to return of an op on three tensors, and of one op of a replayed graph. */
async function calls(device: Device): Promise<BarredFigure[]> {
  const [x, y, z] = [device.zeros([1]), device.zeros([1]), device.zeros([1])];
  const op = () => device.run('add', { x, y, z, alpha: 1, beta: 1 });
  const rounds = 41;
  const perRound = 2000;
  const eager: number[] = [];
  for (let r = 0; r < rounds; r++) {
    const begin = performance.now();
    for (let i = 0; i < perRound; i++) op();
    eager.push(((performance.now() - begin) * 1e6) / perRound);
    await device.idle();
  }
  const graph = device.record(() => {
    for (let i = 0; i < perRound; i++) op();
  });
  const replayed: number[] = [];
  const done: number[] = [];
  for (let r = 0; r < rounds; r++) {
    const begin = performance.now();
    graph.replay();
    replayed.push(((performance.now() - begin) * 1e6) / perRound);
    await device.idle();
    done.push(((performance.now() - begin) * 1e6) / perRound);
  }
  graph.dispose();
  return [
    { what: 'op call on three tensors, eager', value: median(eager), unit: 'ns', bar: '1000 ns' },
    { what: 'op call, replayed', value: median(replayed), unit: 'ns', bar: '5 ns' },
    { what: 'op of one element, replayed, until done', value: median(done), unit: 'ns', bar: '' },
  ];
}

/** How late a 10 ms timer comes while the device is saturated. */
async function beat(device: Device): Promise<BarredFigure[]> {
  const x = noise(device, [512, 2048]);
  const weight = noise(device, [2048, 2048]);
  const delay = monitorEventLoopDelay({ resolution: 10 });
  const end = performance.now() + 2000;
  delay.enable();
  while (performance.now() < end) {
    for (let i = 0; i < 4; i++) scope(() => void linear(x, weight));
    await device.idle();
  }
  delay.disable();
  const late = (nanoseconds: number) => nanoseconds / 1e6 - 10;
  return [
    {
      what: '10 ms timer, median late',
      value: late(delay.percentile(50)),
      unit: 'ms',
      bar: '5 ms',
    },
    { what: '10 ms timer, 99 % late', value: late(delay.percentile(99)), unit: 'ms', bar: '5 ms' },
  ];
}

/** Milliseconds that loading the package and opening the CPU device add to plain node. */
function startUp(): BarredFigure[] {
  const entry = path.join(root, 'dist', 'index.js');
  const run = (code: string): number => {
    const begin = performance.now();
    execFileSync(process.execPath, ['--input-type=module', '-e', code]);
    return performance.now() - begin;
  };
  const open = `const { openDevice } = await import(${JSON.stringify(entry)});
    const device = await openDevice('cpu'); await device.close();`;
  const plain: number[] = [];
  const loaded: number[] = [];
  for (let i = 0; i < 9; i++) {
    plain.push(run('0'));
    loaded.push(run(open));
  }
  const added = median(loaded) - median(plain);
  return [{ what: 'start-up added to plain node', value: added, unit: 'ms', bar: '100 ms' }];
}

const device = await openDevice('cpu');
const figures = [
  ...(await calls(device)),
  ...(await beat(device)),
  ...(await neighbour(device)),
  ...startUp(),
  ...(await opening(root)),
];
const { name, threads } = device;
await device.close();
for (const { what, value, unit, bar } of figures)
  console.log(`${what}: ${Number(value.toPrecision(3))} ${unit}${bar && ` (bar ${bar})`}`);
const about = circumstances(root, name, threads);
writeReport(root, `host-${name}-${about.date}`, { ...about, figures });

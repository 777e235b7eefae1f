/**
 * Memory of a GPU over many lives, and when there is none left.
 *
 *   node memory.js rounds --model folder [--device cuda] [--rounds 1000] [--seconds s]
 *   node memory.js full [--device cuda]
 *
 * `rounds` opens a device, loads a model, now and then draws a picture, and closes it, as often as
 * `--seconds` allow. After a tenth of its rounds or seconds what the driver counts as used must not grow,
 * nor, from its second fifth to its last, may what the process holds. `full` takes memory until
 * there is none: the call must be refused with ERR_OUT_OF_MEMORY, leave nothing behind, and what comes
 * after it must be right, also when an op lacks its temporary memory and when a recording does.
 */

import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { median } from '../../bench/measure.ts';
import {
  attention,
  type Device,
  type Graph,
  openDevice,
  StyleAR,
  StylearError,
  scope,
  type Tensor,
} from '../../lib/index.ts';
import { usedMiB } from '../support/gpu_state.ts';

const drawnEvery = 100;
/** What driver and collector keep for later varies; a round that kept the model would be 10 MiB. */
const growthMiB = 64;
const growthMiBEach = 0.1;
/** Fewer say nothing. */
const fewestRounds = 100;

/** What a picture is drawn from, to be compared: loads a model and closes it. */
async function oneRound(name: string, model: string, draws: boolean): Promise<string> {
  const stylear = await StyleAR.load(model, { device: name, cacheBytes: 2 ** 24 });
  let tokens = '';
  if (draws)
    for await (const event of stylear.generate([{ prompt: 'a horse', seed: 1 }]))
      if (event.type === 'image') tokens = event.image.tokens.join();
  await stylear.close();
  return tokens;
}

async function rounds(name: string, model: string, count: number, seconds: number) {
  const began = performance.now();
  const spent = () => (performance.now() - began) / 1e3;
  const held: number[] = []; // MiB of the process after each round
  let first = '';
  let usedBefore: number | undefined;
  for (let settled = false; held.length < count && spent() < seconds; ) {
    const round = held.length;
    const draws = round % drawnEvery === 0;
    const tokens = await oneRound(name, model, draws);
    first ||= tokens;
    if (draws && tokens !== first)
      throw new Error(`round ${round}: another picture than in round 0`);
    held.push(process.memoryUsage.rss() / 2 ** 20);
    if (settled || (round < count / 10 && spent() < seconds / 10)) continue;
    settled = true;
    usedBefore = await usedAfterAWhile();
  }
  const usedAfter = await usedAfterAWhile();
  const grownThere = usedAfter === undefined ? Number.NaN : usedAfter - (usedBefore ?? Number.NaN);
  // Within a fifth what is held goes up and down by some 50 MiB.
  const fifth = Math.ceil(held.length / 5);
  const grown = median(held.slice(-fifth)) - median(held.slice(fifth, 2 * fifth));
  console.log(
    `${held.length} rounds in ${spent().toFixed(0)} s; what the process holds grew by ` +
      `${grown.toFixed(0)} MiB to ${held.at(-1)?.toFixed(0)}, the GPU's memory ` +
      (Number.isNaN(grownThere) ? 'by what nvidia-smi does not tell' : `by ${grownThere} MiB`),
  );
  const most = growthMiB + growthMiBEach * held.length;
  return held.length >= fewestRounds && !(grownThere > growthMiB) && grown <= most;
}

/** The driver's count follows late. */
async function usedAfterAWhile(): Promise<number | undefined> {
  await setTimeout(200);
  return usedMiB();
}

const isFull = (error: unknown): boolean =>
  error instanceof StylearError && error.code === 'ERR_OUT_OF_MEMORY';

/** Takes memory in pieces of `bytes` until there is no more. @returns what it took */
function takeAll(device: Device, bytes: number): Tensor[] {
  const taken: Tensor[] = [];
  for (;;)
    try {
      taken.push(device.tensor([bytes / 4]));
    } catch (error) {
      if (!isFull(error)) throw error;
      return taken;
    }
}

async function full(name: string): Promise<boolean> {
  await using device = await openDevice(name);
  const shape = [1, 2048, 8, 128];
  const step = () =>
    scope(() => {
      const q = device.full(shape, 0.5, 'bf16');
      return attention(q, q, q, { causal: true });
    });
  const check = async (what: string): Promise<boolean> => {
    const y = step();
    const values = await y.read();
    y.dispose();
    const right = values.every((value) => value === 0.5);
    console.log(`${right ? 'ok    ' : 'FAILED'}  ${what}: attention of equal values gives them`);
    return right;
  };
  const outcomes = [await check('before')];
  for (const recorded of [false, true]) {
    const words = recorded ? 'a recording' : 'a call';
    const taken = takeAll(device, 2 ** 30);
    taken.push(...takeAll(device, 2 ** 22));
    const graphs: Graph[] = [];
    const once = () => {
      if (!recorded) return step();
      const graph = device.record(step);
      graphs.push(graph);
      return graph.result;
    };
    let refusal: unknown;
    try {
      for (let i = 0; i < 1000; i++) taken.push(once());
    } catch (error) {
      refusal = error;
    }
    outcomes.push(isFull(refusal));
    console.log(
      `${isFull(refusal) ? 'ok    ' : 'FAILED'}  ${words} without memory: ` +
        `${refusal instanceof Error ? refusal.message : 'was not refused'}`,
    );
    for (const one of [...graphs, ...taken]) one.dispose();
    await device.idle();
    device.trim();
    outcomes.push(await check(`after ${words} without memory`));
    const { storages, graphs: left, liveBytes } = device.memory();
    const clean = storages === 0 && left === 0 && liveBytes === 0;
    outcomes.push(clean);
    console.log(
      `${clean ? 'ok    ' : 'FAILED'}  left behind: ${storages} storages, ${left} graphs, ${liveBytes} bytes`,
    );
  }
  return outcomes.every((passed) => passed);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: 'string', default: 'cuda' },
    model: { type: 'string' },
    rounds: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: 'Infinity' },
  },
});
const programs: Readonly<Record<string, () => Promise<boolean>>> = {
  rounds: () => {
    if (values.model === undefined) throw new Error('memory: expected --model to name a folder');
    return rounds(values.device, values.model, Number(values.rounds), Number(values.seconds));
  },
  full: () => full(values.device),
};
const program = programs[positionals[0] ?? ''];
if (!program) throw new Error(`memory: expected rounds or full, got ${positionals[0]}`);
process.exitCode = (await program()) ? 0 : 1;

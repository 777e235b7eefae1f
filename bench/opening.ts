/** What opening a mapped weight file costs: a synthetic safetensors of 4 GiB, warm in the page cache. */

import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';

import { type TensorToWrite, writeSafetensors } from '../lib/index.ts';
import type { BarredFigure } from './figure.ts';
import { median } from './measure.ts';

/** 64 tensors [8192, 4096] in bf16, 64 MiB each. */
const [tensors, shape] = [64, [8192, 4096]] as const;
const bytes = tensors * shape[0] * shape[1] * 2;

/** Written once, and kept for the next run. */
async function weightFile(folder: string): Promise<string> {
  const file = path.join(folder, `weights-${tensors}x${shape.join('x')}.safetensors`);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    const values = new Uint16Array(shape[0] * shape[1]);
    for (let i = 0; i < values.length; i++) values[i] = 0x3c00 | (Math.imul(i, 40503) & 0x807f);
    const elements = () => new Uint8Array(values.buffer);
    const tensor: TensorToWrite = { dtype: 'BF16', shape, elements };
    const named = Array.from(
      { length: tensors },
      (_, i) => [`layers.${i}.weight`, tensor] as const,
    );
    await writeSafetensors(file, new Map(named));
  }
  for await (const _ of createReadStream(file, { highWaterMark: 1 << 24 })); // into the page cache
  return file;
}

/** Opens the CPU device and, where a file is given, every tensor of it; prints the memory it holds. */
const program = (entry: string, file: string | undefined) => `
  const { openDevice, Weights } = await import(${JSON.stringify(entry)});
  const { readFileSync } = await import('node:fs');
  const device = await openDevice('cpu');
  const file = ${JSON.stringify(file ?? null)};
  if (file) {
    const weights = Weights.open(file, device, { dtype: 'keep' });
    for (let i = 0; i < ${tensors}; i++)
      weights.at('layers').at(i).tensor('weight', ${JSON.stringify(shape)});
    weights.requireAllRead();
  }
  const status = readFileSync('/proc/self/status', 'utf8');
  console.log(/RssAnon:\\s*(\\d+)/.exec(status)[1] * 1024);
  process.exit();`;

/** Milliseconds over plain node, and bytes of memory that are no file's. */
export async function opening(root: string): Promise<BarredFigure[]> {
  const file = await weightFile(path.join(root, 'build', 'bench'));
  const entry = path.join(root, 'dist', 'index.js');
  const run = (code: string) => {
    const begin = performance.now();
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', code]);
    return { ms: performance.now() - begin, held: Number(printed) };
  };
  const rounds = Array.from({ length: 9 }, () => ({
    plain: run('0'),
    device: run(program(entry, undefined)),
    weights: run(program(entry, file)),
  }));
  const middle = (pick: (round: (typeof rounds)[number]) => number) => median(rounds.map(pick));
  const gib = `${bytes / 2 ** 30} GiB of mapped weights, warm`;
  return [
    {
      what: `opening ${gib}, added to plain node`,
      value: middle(({ weights, plain }) => weights.ms - plain.ms),
      unit: 'ms',
      bar: '100 ms',
    },
    {
      what: `opening ${gib}, added to opening the device`,
      value: middle(({ weights, device }) => weights.ms - device.ms),
      unit: 'ms',
      bar: '',
    },
    {
      what: `opening ${gib}, memory added that is not the file's`,
      value: middle(({ weights, device }) => weights.held - device.held) / 1e6,
      unit: 'MB',
      bar: 'no copy',
    },
  ];
}

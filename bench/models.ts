/**
 * `npm run bench:models`: parts of the model beside the same by PyTorch and transformers on the same
 * weights and inputs: time, and by how much results differ. `STYLEAR_PYTHON` names an interpreter that
 * has torch, transformers and safetensors; without it ours is timed alone.
 *
 *   npm run bench:models -- [--device cpu] [--threads n] [--only text] [--seconds s]
 *                           [--patience s] [--side pixels]
 *
 * Errors are the largest absolute difference, and over the root mean square of the peer's result; of
 * codes how many differ. Files of a part, up to 2 GB, lie in a temporary folder while it is measured.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import {
  type Device,
  openDevice,
  scope,
  type Tensor,
  Weights,
  writeSafetensors,
} from '../lib/index.ts';
import { openFile } from '../lib/weights/byte_source.ts';
import { decode } from '../lib/weights/element_values.ts';
import { readSafetensors } from '../lib/weights/safetensors.ts';
import { readElements } from '../lib/weights/stored_tensor.ts';
import type { Peer } from './compare/peer.ts';
import { openTorchModels } from './compare/torch.ts';
import { repositoryRoot } from './limits.ts';
import { quiet, time } from './measure.ts';
import type { ModelPart } from './models/part.ts';
import { modelParts } from './models/parts.ts';
import { programOptions } from './options.ts';

const { values: options } = programOptions(import.meta.filename, {
  options: {
    device: { type: 'string', default: 'cpu' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    only: { type: 'string', default: '' },
    seconds: { type: 'string', default: '2' },
    patience: { type: 'string', default: '5' },
    side: { type: 'string', default: '256' },
  },
});
const threads = Number(options.threads);
const seconds = Number(options.seconds);
const patience = Number(options.patience);
const root = repositoryRoot();
process.env.STYLEAR_NATIVE_DIR ??= path.join(root, 'build', 'Release'); // this file runs elsewhere

interface Figures {
  readonly ms: number;
  readonly otherCores: number;
  readonly peerMs?: number;
  readonly error?: string;
  readonly note?: string;
}

async function measure(part: ModelPart, device: Device, peer: Peer | string): Promise<Figures> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'stylear-bench-'));
  const file = (name: string) => path.join(folder, `${name}.safetensors`);
  using w = Weights.fresh(device, { dtype: part.dtype, seed: 1 });
  try {
    const { input, run } = part.prepare(device, w);
    await quiet(patience);
    const ours = await time(device, () => scope(() => void run()), { seconds, patience });
    const figures = { ms: ours.seconds * 1e3, otherCores: ours.otherCores };
    if (typeof peer === 'string') return { ...figures, note: peer };
    using y = run();
    const got = await y.read();
    await w.save(file('weights'));
    await writeSafetensors(file('input'), new Map([['x', await written(input)]]));
    const files = { weights: file('weights'), input: file('input'), output: file('output') };
    await quiet(patience);
    const answer = await peer.time({ ...part.torch, ...files, dtype: part.dtype }, seconds);
    if (typeof answer === 'string') return { ...figures, note: answer };
    return { ...figures, peerMs: answer * 1e3, error: difference(got, y, readY(file('output'))) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A tensor as a file takes it: f32, or i32. */
async function written(tensor: Tensor) {
  const values = await tensor.read();
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const dtype = tensor.dtype === 'i32' ? ('I32' as const) : ('F32' as const);
  return { dtype, shape: tensor.shape, elements: () => bytes };
}

function readY(file: string): ArrayLike<number> {
  const source = openFile(file);
  try {
    const y = readSafetensors(source).tensors.get('y')!;
    return decode(y.dtype, readElements(source, y))!;
  } finally {
    source.close();
  }
}

function difference(got: ArrayLike<number>, { dtype }: Tensor, want: ArrayLike<number>): string {
  if (got.length !== want.length) return `${got.length} elements, not ${want.length}`;
  let [largest, squares, others] = [0, 0, 0];
  for (let i = 0; i < want.length; i++) {
    if (got[i] !== want[i]) others++;
    squares += want[i]! ** 2;
    const off = Math.abs(got[i]! - want[i]!);
    largest = Math.max(largest, Number.isNaN(off) ? Number.POSITIVE_INFINITY : off);
  }
  if (dtype === 'i32') return `${others} of ${want.length} codes`;
  const typical = Math.sqrt(squares / want.length);
  return `${largest.toExponential(1)}, ${(largest / typical).toExponential(1)} of the rms`;
}

const columns = ['part', 'shape', 'dtype', 'ms', 'peer ms', 'x peer', 'error', 'others'] as const;
const widths = [14, 24, 5, 9, 9, 7, 30, 6] as const;
const line = (cells: readonly string[]) =>
  `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
const digits = (value: number | undefined) =>
  value === undefined ? '' : String(Number(value.toPrecision(3)));

const peer = await openTorchModels(threads, root);
console.log(`peer: ${typeof peer === 'string' ? peer : peer.name}`);
console.log(line(columns));
console.log(line(widths.map((width) => '-'.repeat(width))));
for (const part of modelParts(Number(options.side))) {
  if (!`${part.name} ${part.shape} ${part.dtype}`.includes(options.only)) continue;
  // A device of its own for each part, so that the memory of one does not burden the next.
  await using device = await openDevice(options.device, { threads });
  const { ms, peerMs, error = '', note, otherCores } = await measure(part, device, peer);
  const speedup = digits(peerMs === undefined ? undefined : peerMs / ms);
  const cells = [part.name, part.shape, part.dtype, digits(ms), digits(peerMs), speedup];
  console.log(line([...cells, error, otherCores.toFixed(2)]));
  if (note !== undefined && typeof peer !== 'string') console.log(`  ${note}`);
}
if (typeof peer !== 'string') peer.close();

/**
 * `npm run bench`: every case of bench/ops with the machine's limit, the share of it that is reached,
 * and PyTorch beside it in the same run, where it is installed.
 *
 *   npm run bench -- [--device cpu] [--threads n] [--only text] [--seconds s] [--no-write]
 *
 * Writes bench/results/<processor>-<threads>-<date>.{json,md}. A case is measured as limit, ours, peer,
 * ours, peer, limit: of each the better of both medians counts, since these machines are shared. A share
 * above 1 means that the data of the case stayed in a cache.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { type Device, openDevice } from '../lib/index.ts';
import { openTorch, type Peer } from './compare/torch.ts';
import { type Limit, type Limits, limits, repositoryRoot } from './limits.ts';
import { time } from './measure.ts';
import { attentionCases } from './ops/attention.ts';
import type { OpCase } from './ops/case.ts';
import { elementCases } from './ops/elements.ts';
import { networkCases } from './ops/networks.ts';
import { pictureCases } from './ops/pictures.ts';
import { productCases } from './ops/products.ts';
import { samplingCases } from './ops/sampling.ts';
import { type Row, table } from './table.ts';

const cases = [
  ...productCases,
  ...attentionCases,
  ...samplingCases,
  ...pictureCases,
  ...elementCases,
  ...networkCases,
];

/** The rate that bounds a case: where there are no bf16 pair products, f32 multiply-adds do them. */
function limitRate(machine: Limits, limit: Limit): number {
  const rate = machine.measure(limit);
  return limit === 'bf16' ? Math.max(rate, machine.measure('fma')) : rate;
}

async function measure(
  item: OpCase,
  device: Device,
  machine: Limits,
  peer: Peer | string,
  seconds: number,
): Promise<Row> {
  const rates = [limitRate(machine, item.limit)];
  const step = item.prepare(device);
  const ours = [await time(device, step, seconds)];
  let peerMs: number | null = null;
  let peerNote: string | null = item.torch ? null : 'no such op';
  const measurePeer = async () => {
    if (!item.torch) return;
    if (typeof peer === 'string') {
      peerNote = peer;
      return;
    }
    const dtype = item.dtype === 'f32' ? 'f32' : 'bf16';
    const answer = await peer.time({ ...item.torch, dtype }, seconds);
    if (typeof answer === 'string') peerNote = answer;
    else peerMs = Math.min(peerMs ?? Number.POSITIVE_INFINITY, answer * 1e3);
  };
  await measurePeer();
  ours.push(await time(device, step, seconds));
  await measurePeer();
  rates.push(limitRate(machine, item.limit));
  const best = ours.reduce((a, b) => (b.seconds < a.seconds ? b : a));
  const rate = item.work / best.seconds / 1e9;
  const limit = Math.max(...rates);
  return {
    op: item.op,
    shape: item.shape,
    dtype: item.dtype,
    ms: best.seconds * 1e3,
    rate,
    limit: item.limit,
    limitRate: limit,
    share: rate / limit,
    bar: item.bar ?? null,
    peerMs,
    speedup: peerMs === null ? null : peerMs / (best.seconds * 1e3),
    peerNote,
    otherCores: best.otherCores,
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      device: { type: 'string', default: 'cpu' },
      threads: { type: 'string', default: String(os.availableParallelism()) },
      only: { type: 'string', default: '' },
      seconds: { type: 'string', default: '0.6' },
      'no-write': { type: 'boolean', default: false },
    },
  });
  const threads = Number(values.threads);
  const root = repositoryRoot();
  process.env.STYLEAR_NATIVE_DIR ??= path.join(root, 'build', 'Release'); // this file runs elsewhere
  const machine = limits(threads, root);
  const peer = await openTorch(threads, root);
  const chosen = cases.filter((c) => `${c.op} ${c.shape} ${c.dtype}`.includes(values.only));
  const rows: Row[] = [];
  let name = '';
  for (const item of chosen) {
    // A device of its own for each case, so that the memory of one does not burden the next.
    const device = await openDevice(values.device, { threads });
    name = device.name;
    const row = await measure(item, device, machine, peer, Number(values.seconds));
    await device.close();
    rows.push(row);
    console.log(table([row], rows.length === 1));
  }
  if (typeof peer !== 'string') peer.close();
  if (rows.length === 0)
    throw new Error(`bench: expected --only to match a case, got ${values.only}`);
  if (values['no-write']) return;
  const processor = os.cpus()[0]?.model ?? 'unknown processor';
  const report = {
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
    }).trim(),
    processor,
    device: name,
    threads,
    node: process.version,
    peer: typeof peer === 'string' ? null : peer.name,
    rows,
  };
  const part = values.only && `${values.only}-`; // a part never replaces the whole
  const slug = `${name}-${threads}-threads-${part}${report.date}`
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-');
  const folder = path.join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${slug}.json`), `${JSON.stringify(report, null, 1)}\n`);
  const heading =
    `# Ops on ${name}, ${threads} threads, ${report.date}\n\n` +
    `${processor}, Node ${process.version}, commit ${report.commit}, peer: ${report.peer ?? peer}.\n` +
    'Better of two medians each; limit, ours and peer interleaved. Share is our rate over the limit of\n' +
    'the same run; above 1 the data stayed in a cache.\n' +
    '"x peer" above 1 means we are faster.\n\n';
  writeFileSync(path.join(folder, `${slug}.md`), `${heading}${table(rows, true)}\n`);
  console.log(`bench/results/${slug}.md`);
}

await main();

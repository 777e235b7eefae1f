/**
 * `npm run bench`: every case of bench/ops with the machine's limit, the share of it that is reached,
 * and beside it in the same run what a user would take instead, where it is installed: PyTorch
 * (`STYLEAR_PYTHON` names its interpreter), onnxruntime-node and llama.cpp (`STYLEAR_PEERS` names the
 * `node_modules` that has them: `npm install --ignore-scripts onnxruntime-node
 * @node-llama-cpp/linux-x64`, anywhere outside of this package).
 *
 *   npm run bench -- [--device cpu] [--threads n] [--only text] [--seconds s] [--patience s]
 *                    [--no-write]
 *
 * Writes bench/results/<processor>-<threads>-<date>.{json,md}. A case is measured as limit, ours,
 * limit, peers, and the same once more. Since these machines are shared, and their memory is at times
 * half as fast again, the half counts in which the limit moved less, and the peers' better times; before
 * a measurement it waits for others to leave the cores alone, `--patience` seconds at most. A share
 * above 1 means that the data of the case stayed in a cache.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { type Device, openDevice } from '../lib/index.ts';
import { better, type Contest, measureContest, Peers } from './compare/peers.ts';
import { type Limit, type Limits, limits, repositoryRoot } from './limits.ts';
import { quiet, type Timing, time } from './measure.ts';
import { attentionCases } from './ops/attention.ts';
import type { OpCase } from './ops/case.ts';
import { elementCases } from './ops/elements.ts';
import { networkCases, slice7b } from './ops/networks.ts';
import { pictureCases } from './ops/pictures.ts';
import { productCases } from './ops/products.ts';
import { samplingCases } from './ops/sampling.ts';
import { trainingCases } from './ops/training.ts';
import { type PeerFigure, type Row, table } from './table.ts';

const cases = [
  ...productCases,
  ...attentionCases,
  ...samplingCases,
  ...pictureCases,
  ...elementCases,
  ...networkCases,
  ...trainingCases,
];

/** The rate that bounds a case: where there are no bf16 pair products, f32 multiply-adds do them. */
function limitRate(machine: Limits, limit: Limit): number {
  const rate = machine.measure(limit);
  return limit === 'bf16' ? Math.max(rate, machine.measure('fma')) : rate;
}

/** Our time between two measurements of the limit. */
interface Half {
  readonly ours: Timing;
  readonly limit: number;
  /** How far the limit moved meanwhile. */
  readonly drift: number;
}

async function measure(
  item: OpCase,
  device: Device,
  machine: Limits,
  contests: readonly Contest[],
  { seconds, patience }: { readonly seconds: number; readonly patience: number },
): Promise<Row> {
  await quiet(patience);
  const step = item.prepare(device);
  const half = async (): Promise<Half> => {
    const before = limitRate(machine, item.limit);
    const ours = await time(device, step, { seconds, patience });
    const after = limitRate(machine, item.limit);
    return { ours, limit: (before + after) / 2, drift: Math.abs(Math.log(after / before)) };
  };
  const first = await half();
  const theirs: (number | string)[] = [];
  for (const contest of contests) theirs.push(await measureContest(contest, seconds));
  const second = await half();
  for (const [i, contest] of contests.entries())
    theirs[i] = better(theirs[i] ?? '', await measureContest(contest, seconds));
  const { ours: best, limit } = first.drift < second.drift ? first : second;
  const rate = item.work / best.seconds / 1e9;
  const peers = contests.map(({ peer }, i): PeerFigure => {
    const name = typeof peer === 'string' ? '' : peer.name;
    const answer = theirs[i] ?? '';
    return typeof answer === 'string'
      ? { peer: name, ms: null, speedup: null, note: answer }
      : { peer: name, ms: answer * 1e3, speedup: answer / best.seconds, note: null };
  });
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
    peers,
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
      patience: { type: 'string', default: '5' },
      'no-write': { type: 'boolean', default: false },
    },
  });
  const threads = Number(values.threads);
  const root = repositoryRoot();
  process.env.STYLEAR_NATIVE_DIR ??= path.join(root, 'build', 'Release'); // this file runs elsewhere
  const machine = limits(threads, root);
  const peers = new Peers(threads, root, slice7b);
  const chosen = cases.filter((c) => `${c.op} ${c.shape} ${c.dtype}`.includes(values.only));
  const rows: Row[] = [];
  let name = '';
  for (const item of chosen) {
    // A device of its own for each case, so that the memory of one does not burden the next.
    const device = await openDevice(values.device, { threads });
    name = device.name;
    const row = await measure(item, device, machine, await peers.of(item), {
      seconds: Number(values.seconds),
      patience: Number(values.patience),
    });
    await device.close();
    rows.push(row);
    console.log(table([row], rows.length === 1));
  }
  await peers.close();
  const peerNames = await peers.names();
  console.log(`peers: ${peerNames.join('; ') || 'none'}`);
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
    peers: peerNames,
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
    `${processor}, Node ${process.version}, commit ${report.commit}.\n` +
    `Peers: ${peerNames.join('; ') || 'none'}.\n` +
    'Medians; of two, that beside which the limit moved less; of peers the better. Share is our rate\n' +
    'over the limit around it; above 1 the data stayed in a cache.\n' +
    '"x peer" above 1 means we are faster.\n\n';
  writeFileSync(path.join(folder, `${slug}.md`), `${heading}${table(rows, true)}\n`);
  console.log(`bench/results/${slug}.md`);
}

await main();

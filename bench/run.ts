/**
 * `npm run bench`: every case of bench/ops with the machine's limit, the share of it that is reached,
 * and beside it in the same run what a user would take instead, where it is installed: PyTorch
 * (`STYLEAR_PYTHON` names its interpreter), onnxruntime-node and llama.cpp (`STYLEAR_PEERS` names the
 * `node_modules` that has them: `npm install --ignore-scripts onnxruntime-node
 * @node-llama-cpp/linux-x64`, anywhere outside of this package).
 *
 *   npm run bench -- [--device cpu] [--cases usual|gpu|networks] [--threads n] [--only text] [--seconds s]
 *                    [--patience s] [--no-write]
 *
 * Writes bench/results/<processor>-<threads>-<date>.{json,md}. A case is measured as limit, ours,
 * limit, peers, and the same once more. Since these machines are shared, and their memory is at times
 * half as fast again, the half counts in which the limit moved less, and the peers' better times; before
 * a measurement it waits for others to leave the cores alone, `--patience` seconds at most. A share
 * above 1 means that the data of the case stayed in a cache. On a GPU calls are recorded and replayed, and
 * its limits are measured once a minute.
 */

import os from 'node:os';
import path from 'node:path';
import { type Device, openDevice } from '../lib/index.ts';
import { type Effort, measureBeside } from './beside.ts';
import { type Contest, measureContest, Peers } from './compare/peers.ts';
import { type Limits, limits, repositoryRoot } from './limits.ts';
import { quiet, recording } from './measure.ts';
import { attentionCases } from './ops/attention.ts';
import type { OpCase } from './ops/case.ts';
import { elementCases } from './ops/elements.ts';
import { gpuCases } from './ops/gpu.ts';
import { networkCases, slice7b } from './ops/networks.ts';
import { pictureCases } from './ops/pictures.ts';
import { productCases } from './ops/products.ts';
import { samplingCases } from './ops/sampling.ts';
import { trainingCases } from './ops/training.ts';
import { programOptions } from './options.ts';
import { circumstances, writeReport } from './report.ts';
import { peerFigure, type Row, table } from './table.ts';

const caseLists: Readonly<Record<string, readonly OpCase[]>> = {
  usual: [
    ...productCases,
    ...attentionCases,
    ...samplingCases,
    ...pictureCases,
    ...elementCases,
    ...networkCases,
    ...trainingCases,
  ],
  gpu: gpuCases,
  networks: [...networkCases, ...elementCases, ...pictureCases, ...trainingCases],
};

/** What is timed, and how many calls of the op that is. */
async function timedStep(
  item: OpCase,
  device: Device,
): Promise<{ readonly step: () => void; readonly calls: number }> {
  const { sets = 1, recorded = false } = item;
  const steps = Array.from({ length: sets }, () => item.prepare(device));
  if (device.name.startsWith('cuda') && !recorded) {
    const { replay, calls } = await recording(device, steps);
    return { step: replay, calls };
  }
  let next = 0;
  return { step: () => steps[next++ % sets]!(), calls: 1 };
}

async function measure(
  item: OpCase,
  device: Device,
  machine: Limits,
  contests: readonly Contest[],
  effort: Effort,
): Promise<Row> {
  await quiet(effort.patience);
  const { step, calls } = await timedStep(item, device);
  const { ours, limit, theirs } = await measureBeside(
    device,
    step,
    { machine, limit: item.limit },
    contests.map((contest) => () => measureContest(contest, effort.seconds)),
    effort,
  );
  const seconds = ours.seconds / calls;
  const rate = item.work / seconds / 1e9;
  const peers = contests.map(({ peer }, i) => peerFigure(peer, theirs[i] ?? '', seconds));
  return {
    op: item.op,
    shape: item.shape,
    dtype: item.dtype,
    ms: seconds * 1e3,
    rate,
    limit: item.limit,
    limitRate: limit,
    share: rate / limit,
    bar: item.bar ?? null,
    peers,
    otherCores: ours.otherCores,
  };
}

async function main(): Promise<void> {
  const { values } = programOptions(import.meta.filename, {
    options: {
      device: { type: 'string', default: 'cpu' },
      cases: { type: 'string', default: 'usual' },
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
  const machine = limits(values.device, threads, root);
  const peers = new Peers(threads, root, slice7b, values.device);
  const cases = caseLists[values.cases];
  if (!cases) {
    const lists = Object.keys(caseLists).join(' or ');
    throw new Error(`bench: expected --cases to be ${lists}, got ${values.cases}`);
  }
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
  const report = { ...circumstances(root, name, threads), peers: peerNames, rows };
  // A part never replaces the whole.
  const part = [values.cases === 'usual' ? '' : values.cases, values.only]
    .filter(Boolean)
    .map((word) => `${word}-`)
    .join('');
  const heading =
    `# Ops on ${name}, ${threads} threads, ${report.date}\n\n` +
    `${report.processor}, Node ${process.version}, commit ${report.commit}.\n` +
    `Peers: ${peerNames.join('; ') || 'none'}.\n` +
    'Medians; of two, that beside which the limit moved less; of peers the better. Share is our rate\n' +
    'over the limit around it; above 1 the data stayed in a cache.\n' +
    '"x peer" above 1 means we are faster.\n\n';
  const slug = `${name}-${threads}-threads-${part}${report.date}`;
  writeReport(root, slug, report, `${heading}${table(rows, true)}`);
}

await main();

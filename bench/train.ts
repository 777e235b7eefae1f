/**
 * `npm run bench:train`: a step of every stage that trains the embedded model (train/tiny), as
 * `stylear train` makes it: references through frozen networks, loss, gradients, clipping, AdamW or
 * Muon, the average of weights, codes that are not used, and the loss read. Beside it in the same run the
 * same by PyTorch (compare/torch_stages.py), where `STYLEAR_PYTHON` has it, and the limit of the arithmetic.
 *
 *   npm run bench:train -- [--device cpu] [--threads n] [--only text] [--seconds s] [--patience s] [--no-write]
 *
 * Networks have fresh weights of the sizes in train/tiny/networks. Examples are drawings of the picture
 * world and its captions, with codes at random, and lie in memory: reading shards, decoding pictures and
 * saving checkpoints are not in it. Networks of ours and of PyTorch must have as many parameters, or
 * there is no figure. Order of the measurements and halves are those of `npm run bench`. Writes
 * bench/results/train-<device>-<threads>-<date>.{json,md}.
 */

import os from 'node:os';
import path from 'node:path';
import { openDevice } from '../lib/index.ts';
import { type Effort, measureBeside } from './beside.ts';
import type { Peer } from './compare/peer.ts';
import { better } from './compare/peers.ts';
import { openTorchStages } from './compare/torch.ts';
import { type Limit, type Limits, limits, repositoryRoot } from './limits.ts';
import { leastDisturbed, quiet } from './measure.ts';
import { programOptions } from './options.ts';
import { circumstances, writeReport } from './report.ts';
import { clipStage } from './stages/clip.ts';
import { dpoStage } from './stages/dpo.ts';
import { languageStage } from './stages/language.ts';
import type { NetworkSizes, TrainingStage } from './stages/stage.ts';
import { styleStage } from './stages/style.ts';
import { vqganStage } from './stages/vqgan.ts';
import { type Columns, digits, type PeerFigure, peerFigure, tableOf } from './table.ts';

/** By the names that train/tiny/README.md has. */
const stages: Readonly<Record<string, (root: string) => Promise<TrainingStage>>> = {
  VQGAN: vqganStage,
  CLIP: clipStage,
  base: languageStage,
  style: styleStage,
  DPO: dpoStage,
};

interface StepFigures extends NetworkSizes {
  readonly stage: string;
  readonly batch: string;
  readonly dtype: string;
  /** Median time of a step. */
  readonly ms: number;
  readonly unit: 'pictures' | 'tokens';
  readonly unitsPerSecond: number;
  /** GFLOP/s */
  readonly rate: number;
  readonly limit: Limit;
  readonly limitRate: number;
  /** rate / limitRate */
  readonly share: number;
  readonly peer: PeerFigure;
  /** Steps that the config asks for, and how long they take at this rate. */
  readonly plannedSteps: number;
  readonly plannedMinutes: number;
  /** Cores that others kept busy beside us, and beside the peer. */
  readonly otherCores: number;
  readonly otherCoresBesidePeer: number | null;
}

const columns: Columns<StepFigures> = [
  ['stage', 5, (r) => r.stage],
  ['batch', 40, (r) => r.batch],
  ['dtype', 5, (r) => r.dtype],
  ['trained', 14, (r) => `${millions(r.trained)} of ${millions(r.parameters)} M`],
  ['ms', 6, (r) => digits(r.ms)],
  ['a second', 14, (r) => `${digits(r.unitsPerSecond)} ${r.unit}`],
  ['GF/s', 6, (r) => digits(r.rate)],
  ['limit', 6, (r) => digits(r.limitRate)],
  ['share', 5, (r) => r.share.toFixed(2)],
  ['peer ms', 7, (r) => (r.peer.ms === null ? '' : digits(r.peer.ms))],
  ['x peer', 6, (r) => r.peer.speedup?.toFixed(2) ?? ''],
  ['steps', 6, (r) => String(r.plannedSteps)],
  ['minutes', 7, (r) => digits(r.plannedMinutes)],
  ['others', 11, othersOf],
];

function othersOf({ otherCores, otherCoresBesidePeer: besidePeer }: StepFigures): string {
  const cores = besidePeer === null ? [otherCores] : [otherCores, besidePeer];
  return cores.map((count) => count.toFixed(2)).join(' / ');
}

const millions = (count: number): string => (count / 1e6).toFixed(2);

/** A peer's time of a step, or why there is none, and the cores that others kept busy meanwhile. */
interface TheirStep {
  readonly answer: number | string;
  readonly otherCores: number;
}

/**
 * In bf16 PyTorch computes where there are instructions for it, and in f32 elsewhere: without them its
 * products of bf16 take minutes. There it moves everything by AdamW, as its Muon is in bf16.
 *
 * Throws where the peer's networks are of another size.
 */
async function theirStep(
  peer: Peer,
  { torch, dtype }: TrainingStage,
  machine: Limits,
  ours: NetworkSizes,
  seconds: number,
): Promise<TheirStep> {
  const emulated = dtype === 'bf16' && machine.measure('bf16', 0.02) === 0;
  const answer = await peer.ask(
    emulated ? { ...torch, dtype: 'f32', optimizer: 'adamw' } : torch,
    seconds,
  );
  if (typeof answer.seconds !== 'number') return { answer: String(answer.error), otherCores: 0 };
  for (const size of ['parameters', 'trained'] as const)
    if (answer[size] !== ours[size]) {
      const what = size === 'trained' ? 'trained parameters' : size;
      throw new Error(
        `${torch.op}: expected ${what} of ${peer.name} to be ${ours[size]}, got ${answer[size]}`,
      );
    }
  return { answer: answer.seconds, otherCores: Number(answer.otherCores) };
}

/**
 * @param kind     our device
 * @param threads  of it
 */
async function measure(
  name: string,
  stage: TrainingStage,
  kind: string,
  threads: number,
  machine: Limits,
  peer: Peer | string,
  effort: Effort,
): Promise<{ figures: StepFigures; deviceName: string }> {
  // A device of its own for each stage, so that the memory of one does not burden the next.
  await using device = await openDevice(kind, { threads });
  await quiet(effort.patience);
  const { step, plannedSteps, sizes } = await stage.open(device);
  const limit = stage.dtype === 'bf16' ? 'bf16' : 'fma';
  let their: TheirStep | undefined;
  const { ours, limit: limitRate } = await measureBeside(
    device,
    step,
    { machine, limit },
    typeof peer === 'string'
      ? []
      : [
          async () => {
            const next = await leastDisturbed(
              () => theirStep(peer, stage, machine, sizes, effort.seconds),
              effort.patience,
            );
            if (!their || better(their.answer, next.answer) === next.answer) their = next;
            return next.answer;
          },
        ],
    effort,
  );
  const rate = stage.work / ours.seconds / 1e9;
  const figures: StepFigures = {
    stage: name,
    batch: stage.batch,
    dtype: stage.dtype,
    ...sizes,
    ms: ours.seconds * 1e3,
    unit: stage.unit,
    unitsPerSecond: stage.units / ours.seconds,
    rate,
    limit,
    limitRate,
    share: rate / limitRate,
    peer: peerFigure(peer, their?.answer ?? String(peer), ours.seconds),
    plannedSteps,
    plannedMinutes: (plannedSteps * ours.seconds) / 60,
    otherCores: ours.otherCores,
    otherCoresBesidePeer: their?.otherCores ?? null,
  };
  return { figures, deviceName: device.name };
}

async function main(): Promise<void> {
  const { values } = programOptions(import.meta.filename, {
    options: {
      device: { type: 'string', default: 'cpu' },
      threads: { type: 'string', default: String(os.availableParallelism()) },
      only: { type: 'string', default: '' },
      seconds: { type: 'string', default: '3' },
      patience: { type: 'string', default: '5' },
      'no-write': { type: 'boolean', default: false },
    },
  });
  const chosen = Object.entries(stages).filter(([name]) => name.includes(values.only));
  if (chosen.length === 0) {
    const names = Object.keys(stages).join(', ');
    throw new Error(`bench: expected --only to be a part of ${names}, got ${values.only}`);
  }
  const threads = Number(values.threads);
  const root = repositoryRoot();
  process.env.STYLEAR_NATIVE_DIR ??= path.join(root, 'build', 'Release'); // this file runs elsewhere
  const machine = limits(values.device, threads, root);
  const peer = values.device.startsWith('cuda')
    ? 'PyTorch is measured beside the CPU alone'
    : await openTorchStages(threads, root);
  const peerName = typeof peer === 'string' ? peer : peer.name;
  const effort = { seconds: Number(values.seconds), patience: Number(values.patience) };
  const rows: StepFigures[] = [];
  let name = '';
  for (const [stageName, stageIn] of chosen) {
    const stage = await stageIn(root);
    const { figures, deviceName } = await measure(
      stageName,
      stage,
      values.device,
      threads,
      machine,
      peer,
      effort,
    );
    name = deviceName;
    rows.push(figures);
    console.log(tableOf(columns, [figures], rows.length === 1));
    if (figures.peer.note !== null && typeof peer !== 'string') console.log(figures.peer.note);
  }
  if (typeof peer !== 'string') peer.close();
  console.log(`peer: ${peerName}`);
  if (values['no-write']) return;
  const report = { ...circumstances(root, name, threads), peer: peerName, rows };
  const part = values.only && `${values.only}-`; // a part never replaces the whole
  const heading =
    `# Steps of training on ${name}, ${threads} threads, ${report.date}\n\n` +
    `${report.processor}, Node ${process.version}, commit ${report.commit}. Peer: ${peerName}.\n` +
    'Medians of a step; of two, that beside which the limit moved less; of the peer the better. Share is\n' +
    'the rate of the products over the limit around it, of bf16 pair products in bf16 and of f32\n' +
    'multiply-adds in f32. "x peer" above 1 means we are faster. Steps are those the config asks for, and\n' +
    'minutes what they take at this rate. Others are cores that others kept busy beside us and the peer.\n' +
    'Where the CPU has no products of bf16, the peer computes in f32, without Muon.\n\n';
  const slug = `train-${name}-${threads}-threads-${part}${report.date}`;
  writeReport(root, slug, report, `${heading}${tableOf(columns, rows, true)}`);
}

await main();

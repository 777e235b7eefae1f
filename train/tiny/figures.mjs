// What a whole run came to: steps and losses of every stage, minutes, and the evaluation.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';

const json = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** Adds to how long each stage took, of which a part may have been in an earlier run. */
export function addMinutes(work, stage, minutes) {
  const file = join(work, 'minutes.json');
  const all = existsSync(file) ? json(file) : {};
  all[stage] = Number(((all[stage] ?? 0) + minutes).toFixed(2));
  writeFileSync(file, `${JSON.stringify(all, undefined, 1)}\n`);
}

/**
 * Writes bench/results/tiny-<date>.json.
 *
 * @param {string} root   of the repository
 * @param {string} work   the folder with `runs`, `evaluation` and, where there are any, `ablations`
 * @param {string} model  the folder of the shipped model
 */
export function writeFigures(root, work, model) {
  const [cpu] = os.cpus();
  const { models, rows, reconstructions, references } = json(join(work, 'evaluation/report.json'));
  const compared = join(work, 'ablations/evaluation/report.json');
  const figures = {
    machine: `${cpu.model}, ${os.cpus().length} cores, Node ${process.version}`,
    minutes: json(join(work, 'minutes.json')),
    stages: Object.fromEntries(
      ['vqgan', 'clip', 'base', 'style'].map((run) => [run, figuresOf(join(work, 'runs', run))]),
    ),
    shipped: { bytes: bytesOf(model) },
    evaluation: { models, rows, reconstructions, references },
    ...(existsSync(compared) ? { ablations: { rows: json(compared).rows } } : {}),
  };
  const file = join(root, 'bench/results', `tiny-${new Date().toISOString().slice(0, 10)}.json`);
  writeFileSync(file, `${JSON.stringify(figures, undefined, 1)}\n`);
  console.log(file);
}

/** Of a stage: what its steps took, and the mean of everything over the last twentieth of them. */
function figuresOf(run) {
  const steps = readFileSync(join(run, 'steps.jsonl'), 'utf8').trim().split('\n').map(JSON.parse);
  const last = steps.slice(-Math.ceil(steps.length / 20));
  const meanOf = (of) => round(last.reduce((sum, step) => sum + of(step), 0) / last.length);
  const seconds = steps.map((step) => step.seconds).sort((a, b) => a - b);
  return {
    steps: steps.length,
    medianSecondsPerStep: round(seconds[seconds.length >> 1]),
    minutes: round(seconds.reduce((sum, one) => sum + one, 0) / 60),
    lossOfFirst: round(steps[0].loss),
    lossOfLast5Percent: meanOf((step) => step.loss),
    ...Object.fromEntries(
      Object.keys(steps[0].metrics ?? {}).map((name) => [
        `${name}OfLast5Percent`,
        meanOf((step) => step.metrics[name]),
      ]),
    ),
  };
}

const round = (value) => Number(value.toPrecision(4));

const bytesOf = (folder) =>
  readdirSync(folder, { recursive: true })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);

/**
 * `npm run check:gpu`, and what the bundle of `npm run bundle:gpu` runs: everything worth knowing of this
 * package on a GPU, in one go, the most telling first.
 *
 *   node run.js [--device cuda] [--minutes 25] [--out folder] [--logs folder] [--checks]
 *               [--only text]... [--again]
 *
 * `--checks` leaves the figures out, `--only` all whose name has none of the texts. Each part is a process
 * of its own and ends when its time or that of the whole is up. After each, the files of `--out` (default
 * build/gpu/results) are written anew: results.json, report.md, logs.tgz, in which all logs are, and
 * ptx_outputs.jsonl; `--logs` (default build/gpu/logs) has the logs as they are. A run that is cut off has
 * lost nothing that was finished, and one that is given the same folder, or a copy, goes on: what passed or
 * failed there, of this commit on this kind of GPU, is not run again unless `--again` says so.
 * Exits with 1 when a check failed or did not come to its end.
 */

import os from 'node:os';
import path from 'node:path';
import { packedFixtures } from '../../test/support/fixtures.ts';
import { gpuState } from '../../test/support/gpu_state.ts';
import { repositoryRoot } from '../limits.ts';
import { programOptions } from '../options.ts';
import { type Part, parts } from './parts.ts';
import { type Outcome, type Result, sourceOf } from './results.ts';
import { runParts } from './run_parts.ts';

/** Aborts on a signal that asks the process to end, and when nobody reads what it prints. */
function signalled(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      controller.abort();
      console.log(`${signal}: the part that runs is ended`);
    });
  process.stdout.on('error', () => controller.abort());
  return controller.signal;
}

async function main(): Promise<void> {
  const { values } = programOptions(import.meta.filename, {
    options: {
      device: { type: 'string', default: 'cuda' },
      minutes: { type: 'string', default: '25' },
      since: { type: 'string' }, // seconds since 1970 from which on the minutes count
      out: { type: 'string' },
      logs: { type: 'string' },
      checks: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [''] },
      again: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`run: expected --minutes above 0, got ${values.minutes}`);
  const spent = values.since === undefined ? 0 : Date.now() / 1e3 - Number(values.since);
  const root = repositoryRoot();
  const folder = (name: 'out' | 'logs', usual: string) =>
    path.resolve(values[name] ?? path.join(root, 'build', 'gpu', usual));
  const setting = {
    ...{ root, device: values.device, out: folder('out', 'results'), logs: folder('logs', 'logs') },
    fixtures: process.env.STYLEAR_FIXTURES ?? packedFixtures(root),
  };
  const chosen = parts.filter(
    ({ name, kind }) =>
      values.only.some((text) => name.includes(text)) && !(values.checks && kind === 'figures'),
  );
  if (chosen.length === 0) {
    const names = parts.map(({ name }) => name).join(', ');
    throw new Error(`run: expected --only to be in a name of ${names}, got ${values.only}`);
  }
  const about = {
    ...{ source: sourceOf(root), device: values.device, gpu: gpuState() },
    processor: os.cpus()[0]?.model ?? 'unknown processor',
    ...{ cores: os.availableParallelism(), node: process.version },
  };
  const stop = signalled();
  const options = { about, seconds: minutes * 60 - spent, again: values.again, stop };
  summarise(chosen, await runParts(chosen, setting, options));
  process.exit(); // a process that could not be killed is not waited for
}

/** Counts, and what did not run; sets the exit status. */
function summarise(chosen: readonly Part[], results: readonly Result[]): void {
  for (const { part, outcome, words } of results)
    if (outcome === 'not here') console.log(`not here: ${part}: ${words}`);
  const named = (outcome: Outcome) =>
    results.filter((one) => one.outcome === outcome).map(({ part }) => part);
  for (const outcome of ['failed', 'out of time', 'cut off'] as const)
    if (named(outcome).length > 0) console.log(`${outcome}: ${named(outcome).join('; ')}`);
  const begun = new Set(results.map(({ part }) => part));
  const left = chosen.filter(({ name }) => !begun.has(name));
  if (left.length > 0) console.log(`not begun: ${left.map(({ name }) => name).join('; ')}`);
  const count = (outcome: Outcome) => named(outcome).length;
  const counts = (['passed', 'failed', 'out of time', 'cut off', 'not here'] as const).map(
    (outcome) => `${count(outcome)} ${outcome}`,
  );
  console.log([...counts, `${left.length} not begun`].join(', '));
  const checked = results.filter(({ kind }) => kind === 'check');
  const right = checked.every(({ outcome }) => outcome === 'passed' || outcome === 'not here');
  const unbegun = left.some(({ kind }) => kind === 'check');
  process.exitCode = right && !unbegun && count('passed') > 0 ? 0 : 1;
}

await main();

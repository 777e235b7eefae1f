import { rmSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { gpuState } from '../../test/support/gpu_state.ts';
import { runCommand } from './command.ts';
import type { Part, Setting } from './parts.ts';
import {
  type About,
  move,
  type Outcome,
  type Result,
  runningLog,
  slugOf,
  takeUp,
  writeResults,
} from './results.ts';

export interface RunOptions {
  readonly about: About;
  /** How long all of them may take. */
  readonly seconds: number;
  /** Whether parts are run that an earlier run has finished. */
  readonly again: boolean;
  /** Ends the part that runs, and begins no more. */
  readonly stop: AbortSignal;
}

/** Nothing that runs on a GPU is done sooner. */
const leastSeconds = 5;
/** A part is not begun where less than this of its time is left: a shorter one may be. */
const worthwhile = 1 / 4;

/** Of a part that did not pass; the report has more. */
const linesTold = 15;

const finished: readonly Outcome[] = ['passed', 'failed'];

/**
 * Runs parts one after another, and goes on where an earlier run in the same folder ended: what has passed
 * or failed stays as it is, and what took too long comes last. The folder is up to date after each part.
 *
 * @param chosen  of `parts`, in their order
 * @returns       what is known of each of these that was ever begun
 */
export async function runParts(
  chosen: readonly Part[],
  setting: Setting,
  { about, seconds, again, stop }: RunOptions,
): Promise<Result[]> {
  const ends = performance.now() + seconds * 1e3;
  const known = new Map(takeUp(setting, about).map((result) => [result.part, result]));
  const outcomeOf = ({ name }: Part) => known.get(name)?.outcome;
  const isFinished = (part: Part) => finished.includes(outcomeOf(part)!);
  const kept = again ? [] : chosen.filter(isFinished);
  const due = chosen.filter((part) => !kept.includes(part));
  const wasLate = (part: Part) => Number(outcomeOf(part) === 'out of time');
  due.sort((a, b) => wasLate(a) - wasLate(b));

  for (const { name } of kept) console.log(`${known.get(name)!.outcome}, as before: ${name}`);
  for (const part of due) {
    const left = (ends - performance.now()) / 1e3;
    if (stop.aborted || left < Math.max(leastSeconds, part.seconds * worthwhile)) continue;
    const result = await runPart(part, setting, left, stop);
    known.delete(part.name); // it goes to the end
    known.set(part.name, result);
    await writeResults(setting, { about, results: [...known.values()] });
    tell(result);
  }
  return chosen.flatMap(({ name }) => known.get(name) ?? []);
}

async function runPart(
  part: Part,
  setting: Setting,
  left: number,
  stop: AbortSignal,
): Promise<Result> {
  const { name, kind } = part;
  const began = performance.now();
  const made = (outcome: Outcome, words: string): Result => ({
    ...{ part: name, kind, outcome, seconds: (performance.now() - began) / 1e3 },
    ...{ date: new Date().toISOString(), words, gpu: gpuState() },
  });
  const command = part.command(setting);
  if (typeof command === 'string') return made('not here', command);
  const seconds = Math.min(part.seconds, left);
  console.log(`now           ${name}, for at most ${seconds.toFixed(0)} s`);
  const { root, logs } = setting;
  const written = path.join(logs, slugOf(name));
  rmSync(written, { recursive: true, force: true }); // of an earlier try
  const env = {
    STYLEAR_NATIVE_DIR: path.join(root, 'build', 'Release'),
    STYLEAR_RESULTS: written,
    ...command.env,
  };
  const log = runningLog(setting);
  const { how, words } = await runCommand({ ...command, env }, { cwd: root, log, seconds, stop });
  move(log, `${written}.log`);
  const late = seconds < part.seconds ? 'cut off' : 'out of time';
  return made(how === 'late' ? late : how === 'stopped' ? 'cut off' : how, words);
}

function tell({ part, outcome, seconds, words }: Result): void {
  console.log(`${outcome.padEnd(12)}  ${part}  ${seconds.toFixed(1)} s`);
  if (outcome === 'passed' || outcome === 'not here') return;
  console.log(words.split('\n').slice(-linesTold).join('\n').replace(/^/gm, '    '));
}

/**
 * `npm run check:gpu`, and what the bundle of `npm run bundle:gpu` runs: everything worth knowing of this
 * package on a GPU, in one go, the most important first.
 *
 *   node run.js [--device cuda] [--minutes 25] [--out folder] [--checks] [--only text]
 *
 * `--checks` leaves the figures out, `--only` all whose name does not have the text. Each part is a
 * process of its own and ends when its time or that of the whole is up. After each, results.json in the
 * folder is written anew: a run that is cut off has lost nothing that was finished. Logs lie beside it.
 * Exits with 1 when a check failed, or when none ran. What a machine lacks is listed at the end.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { replaceFile } from '../../lib/replace_file.ts';
import { packedFixtures } from '../../test/support/fixtures.ts';
import { type GpuState, gpuState } from '../../test/support/gpu_state.ts';
import { repositoryRoot } from '../limits.ts';
import { programOptions } from '../options.ts';
import { commitOf } from '../report.ts';
import { type Command, type Part, parts, type Setting } from './parts.ts';

type Outcome = 'passed' | 'failed' | 'out of time' | 'not here';

interface Result {
  readonly part: string;
  readonly kind: Part['kind'];
  readonly outcome: Outcome;
  readonly seconds: number;
  /** Why it is not here, or its last lines. */
  readonly words: string;
  /** Afterwards. */
  readonly gpu: GpuState | string;
}

const lastLines = 40;

/** Ends a process and all that it started. */
function end(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

/** Runs a command with its output in a log. */
async function runCommand(
  { file, args, env }: Command,
  log: string,
  { root, out }: Setting,
  seconds: number,
): Promise<{ readonly outcome: Outcome; readonly words: string }> {
  const stream = createWriteStream(log);
  const child = spawn(file, args, {
    cwd: root,
    detached: true, // the head of a group that can be ended as one
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      STYLEAR_NATIVE_DIR: path.join(root, 'build', 'Release'),
      STYLEAR_RESULTS: out,
      ...env,
    },
  });
  let text = '';
  for (const pipe of [child.stdout, child.stderr])
    pipe.on('data', (data) => {
      stream.write(data);
      text = `${text}${data}`.slice(-20_000);
    });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end(child);
  }, seconds * 1e3);
  const status = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      text += error.message;
      resolve(1);
    });
    child.on('close', resolve);
  });
  clearTimeout(timer);
  stream.end();
  const words = text.trimEnd().split('\n').slice(-lastLines).join('\n');
  return { outcome: late ? 'out of time' : status === 0 ? 'passed' : 'failed', words };
}

async function runPart(part: Part, setting: Setting, left: number): Promise<Result> {
  const began = performance.now();
  const { name, kind } = part;
  const command = part.command(setting);
  const log = path.join(setting.out, `${name.replace(/\W+/g, '-')}.log`);
  const result =
    typeof command === 'string'
      ? { outcome: 'not here' as const, words: command }
      : left < 5
        ? { outcome: 'out of time' as const, words: 'the time of the whole was up' }
        : await runCommand(command, log, setting, Math.min(part.seconds, left));
  const seconds = (performance.now() - began) / 1e3;
  return { part: name, kind, ...result, seconds, gpu: gpuState() };
}

async function main(): Promise<void> {
  const { values } = programOptions(import.meta.filename, {
    options: {
      device: { type: 'string', default: 'cuda' },
      minutes: { type: 'string', default: '25' },
      out: { type: 'string' },
      checks: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`run: expected --minutes above 0, got ${values.minutes}`);
  const began = performance.now();
  const root = repositoryRoot();
  const out = path.resolve(values.out ?? path.join(root, 'build', 'gpu', 'results'));
  mkdirSync(out, { recursive: true });
  const fixtures = process.env.STYLEAR_FIXTURES ?? packedFixtures(root);
  const setting: Setting = { root, device: values.device, out, fixtures };
  const chosen = parts.filter(
    ({ name, kind }) => name.includes(values.only) && !(values.checks && kind === 'figures'),
  );
  if (chosen.length === 0) {
    const names = parts.map(({ name }) => name).join(', ');
    throw new Error(`run: expected --only to be a part of ${names}, got ${values.only}`);
  }
  const about = {
    date: new Date().toISOString(),
    commit: commitOf(root),
    device: values.device,
    gpu: gpuState(),
    processor: os.cpus()[0]?.model ?? 'unknown processor',
    cores: os.availableParallelism(),
    node: process.version,
  };
  const results: Result[] = [];
  for (const part of chosen) {
    const left = minutes * 60 - (performance.now() - began) / 1e3;
    const result = await runPart(part, setting, left);
    results.push(result);
    const text = `${JSON.stringify({ ...about, results }, null, 1)}\n`;
    await replaceFile(path.join(out, 'results.json'), 'ERR_INPUT', (write) =>
      write(Buffer.from(text)),
    );
    console.log(`${result.outcome.padEnd(12)} ${result.part}  ${result.seconds.toFixed(1)} s`);
    if (result.outcome === 'failed') console.log(result.words.replace(/^/gm, '    '));
  }
  summarise(results);
}

/** Counts, and what did not run; sets the exit status. */
function summarise(results: readonly Result[]): void {
  for (const { part, outcome, words } of results)
    if (outcome === 'not here') console.log(`not here: ${part}: ${words}`);
  const count = (outcome: Outcome) => results.filter((one) => one.outcome === outcome).length;
  console.log(
    `${count('passed')} passed, ${count('failed')} failed, ${count('out of time')} out of time, ` +
      `${count('not here')} not here`,
  );
  const checks = results.filter(({ kind }) => kind === 'check');
  const wrong = checks.filter(({ outcome }) => outcome === 'failed' || outcome === 'out of time');
  const ran = results.some(({ outcome }) => outcome === 'passed');
  process.exitCode = wrong.length > 0 || !ran ? 1 : 0;
}

await main();

/** A command in a group of its own, which ends as one: at its end, at that of its time, or when asked to. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Running {
  readonly cwd: string;
  /** Gets what the command prints, as it does. */
  readonly log: string;
  readonly seconds: number;
  /** Ends it before its time. */
  readonly stop: AbortSignal;
}

export interface Ending {
  readonly how: 'passed' | 'failed' | 'late' | 'stopped';
  /** Its last lines. */
  readonly words: string;
}

const lastLines = 40;
/** Of a log; what is printed beyond it is counted. */
const mostBytes = 4e6;
/** What is killed while the driver does not answer stays; nobody waits for it. */
const longestDeathMs = 5_000;

function kill(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

export async function runCommand(
  { file, args, env }: Command,
  { cwd, log, seconds, stop }: Running,
): Promise<Ending> {
  const stream = createWriteStream(log);
  const child = spawn(file, args, {
    cwd,
    detached: true, // the head of a group
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let text = '';
  let bytes = 0;
  const take = (data: Buffer | string) => {
    if (bytes < mostBytes) stream.write(data);
    bytes += Buffer.byteLength(data);
    text = `${text}${data}`.slice(-20_000);
  };
  for (const pipe of [child.stdout, child.stderr]) pipe.on('data', take);

  const closed = new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      take(error.message);
      resolve(1);
    });
    child.on('close', resolve);
  });
  const ended = new AbortController();
  const early = AbortSignal.any([stop, ended.signal]);
  const timer = setTimeout(seconds * 1e3, 'late', { signal: early }).catch(() => 'stopped');
  const first = await Promise.race([closed, timer]);
  const how = first === 'late' || first === 'stopped' ? first : first === 0 ? 'passed' : 'failed';
  if (how === 'late' || how === 'stopped') {
    kill(child);
    await Promise.race([closed, setTimeout(longestDeathMs, null, { ref: false })]);
  }
  ended.abort();
  if (bytes > mostBytes) stream.write(`\n... ${bytes - mostBytes} bytes more\n`);
  await new Promise<void>((resolve) => void stream.end(resolve));
  return { how, words: text.trimEnd().split('\n').slice(-lastLines).join('\n') };
}

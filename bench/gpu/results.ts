// What a run leaves in its folder, few files that are whole whenever it is cut off: results.json, from which
// the next run goes on; report.md, the same to read; logs.tgz, all that the parts printed and wrote; and
// while a part runs, what it has printed so far.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../lib/replace_file.ts';
import type { GpuState } from '../../test/support/gpu_state.ts';
import { commitOf } from '../report.ts';

/**
 * `out of time` is a part that took longer than it may, `cut off` one that had not got so long: the time of
 * the whole was up, or the run was ended.
 */
const outcomes = ['passed', 'failed', 'out of time', 'cut off', 'not here'] as const;
export type Outcome = (typeof outcomes)[number];

export interface Result {
  readonly part: string;
  readonly kind: 'check' | 'figures';
  readonly outcome: Outcome;
  readonly seconds: number;
  /** When it ended. */
  readonly date: string;
  /** Why it is not here, or its last lines. */
  readonly words: string;
  /** Afterwards. */
  readonly gpu: GpuState | string;
}

/** What was run, and on what. */
export interface About {
  /** The commit, and which changes to it. */
  readonly source: string;
  /** As `openDevice` takes it. */
  readonly device: string;
  readonly gpu: GpuState | string;
  readonly processor: string;
  readonly cores: number;
  readonly node: string;
}

export interface Results {
  readonly about: About;
  /** In the order in which parts ended. */
  readonly results: readonly Result[];
}

const resultsSchema = z.looseObject({
  about: z.looseObject({
    source: z.string(),
    device: z.string(),
    gpu: z.union([z.string(), z.looseObject({ name: z.string() })]),
  }),
  results: z.array(z.looseObject({ part: z.string(), outcome: z.enum(outcomes) })),
});

/** Where a run leaves what. */
export interface Folders {
  /** results.json, report.md, logs.tgz and what the part prints that runs. */
  readonly out: string;
  /** Files that are packed into logs.tgz. */
  readonly logs: string;
}

export const slugOf = (part: string): string => part.replace(/\W+/g, '-');

export const runningLog = ({ out }: Folders): string => path.join(out, 'running.log');

/** The commit of a package, and a hash of what a checkout has changed in it. */
export function sourceOf(root: string): string {
  const commit = commitOf(root);
  if (!existsSync(path.join(root, '.git'))) return commit;
  const { stdout } = spawnSync('git', ['diff', 'HEAD'], { cwd: root, maxBuffer: 1 << 28 });
  if (!stdout?.length) return commit;
  return `${commit}-changed-${createHash('sha256').update(stdout).digest('hex').slice(0, 8)}`;
}

/** A GPU may be another one of its kind, with another driver: each result has its own state. */
const nameOf = (gpu: GpuState | string): string => (typeof gpu === 'string' ? '' : gpu.name);

/**
 * What an earlier run found of the same source on the same kind of GPU; its logs are unpacked anew. Where
 * there is none, or of something else, logs begin empty.
 */
export function takeUp(folders: Folders, about: About): Result[] {
  const { out, logs } = folders;
  mkdirSync(out, { recursive: true });
  rmSync(logs, { recursive: true, force: true });
  mkdirSync(logs, { recursive: true });
  const file = path.join(out, 'results.json');
  const cutOff = runningLog(folders);
  if (!existsSync(file)) {
    rmSync(cutOff, { force: true });
    return [];
  }
  const { success, data } = resultsSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!success) throw new Error(`${file}: expected the results of a run. Remove it to begin anew.`);
  const earlier = data as unknown as Results;
  const of = ({ source, device, gpu }: About) => [source, device, nameOf(gpu)].join(', ');
  if (of(earlier.about) !== of(about)) {
    console.log(`${file} is of ${of(earlier.about)}, this is ${of(about)}: it begins anew`);
    rmSync(cutOff, { force: true });
    return [];
  }
  const packed = path.join(out, 'logs.tgz');
  if (existsSync(packed)) execFileSync('tar', ['-xzf', packed, '-C', logs]);
  if (existsSync(cutOff)) move(cutOff, path.join(logs, 'killed.log')); // nobody was left to name it
  return [...earlier.results];
}

/** Between file systems too. */
export function move(from: string, to: string): void {
  copyFileSync(from, to);
  rmSync(from);
}

/** Writes results.json, report.md and logs.tgz anew. */
export async function writeResults(folders: Folders, all: Results): Promise<void> {
  const { out, logs } = folders;
  const replace = (name: string, text: string) =>
    replaceFile(path.join(out, name), 'ERR_INPUT', (write) => write(Buffer.from(text)));
  await replace('results.json', `${JSON.stringify(all, null, 1)}\n`);
  await replace('report.md', reportOf(folders, all));
  const part = path.join(out, 'logs.tgz.part');
  execFileSync('tar', ['-czf', part, '-C', logs, '.']);
  renameSync(part, path.join(out, 'logs.tgz'));
}

function reportOf({ logs }: Folders, { about, results }: Results): string {
  const { gpu, source, device } = about;
  const machine = typeof gpu === 'string' ? device : `${gpu.name}, driver ${gpu.driver}`;
  const lines = [`# ${machine}, ${source}`, '', '| part | | s |', '| --- | --- | ---: |'];
  for (const { part, outcome, seconds } of results)
    lines.push(`| ${part} | ${outcome} | ${seconds.toFixed(1)} |`);
  for (const { part, kind, outcome, words } of results)
    if (outcome !== 'passed' || kind === 'figures')
      lines.push('', `## ${part}: ${outcome}`, '', tableOf(path.join(logs, slugOf(part)), words));
  return `${lines.join('\n')}\n`;
}

/** What a part wrote to be read, else its last lines. */
function tableOf(folder: string, words: string): string {
  const written = existsSync(folder) ? readdirSync(folder).filter((at) => at.endsWith('.md')) : [];
  if (written.length === 0) return `\`\`\`text\n${words}\n\`\`\``;
  return written.map((at) => readFileSync(path.join(folder, at), 'utf8').trim()).join('\n\n');
}

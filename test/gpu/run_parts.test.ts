import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Part, parts } from '../../bench/gpu/parts.ts';
import type { About, Results } from '../../bench/gpu/results.ts';
import { type RunOptions, runParts } from '../../bench/gpu/run_parts.ts';

const about: About = {
  ...{ source: 'abc1234', device: 'cuda', processor: 'some', cores: 2, node: process.version },
  gpu: 'nvidia-smi: not here',
};

let top: string;
let out: string;
let ran: string;

beforeEach(() => {
  top = mkdtempSync(path.join(tmpdir(), 'stylear-parts-'));
  out = path.join(top, 'out');
  ran = path.join(top, 'ran');
  writeFileSync(ran, '');
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(top, { recursive: true });
});

/** A part in shell, which also notes that it ran. */
const part = (name: string, script: string, seconds = 20): Part => ({
  ...{ name, kind: 'check', seconds },
  command: () => ({ file: 'sh', args: ['-c', `echo ${name} >>${ran}; ${script}`] }),
});

async function run(chosen: readonly Part[], options: Partial<RunOptions> = {}): Promise<string[]> {
  const usual = { about, seconds: 60, again: false, stop: new AbortController().signal };
  const setting = { root: top, device: 'cuda', out, logs: path.join(top, 'logs'), fixtures: top };
  const results = await runParts(chosen, setting, { ...usual, ...options });
  return results.map(({ part, outcome }) => `${part} ${outcome}`);
}

/** Names of the parts that ran since the last time this was asked. */
function ranNow(): string[] {
  const names = readFileSync(ran, 'utf8').split('\n').filter(Boolean);
  writeFileSync(ran, '');
  return names;
}

const written = (): Results => JSON.parse(readFileSync(path.join(out, 'results.json'), 'utf8'));

const packed = (): string[] =>
  execFileSync('tar', ['-tzf', path.join(out, 'logs.tgz')], { encoding: 'utf8' })
    .split('\n')
    .filter((name) => /\w$/.test(name))
    .map((name) => path.normalize(name))
    .sort();

describe('a run of parts', () => {
  it('says how each ended', async () => {
    const absent: Part = { name: 'd', kind: 'check', seconds: 20, command: () => 'nothing to run' };
    const all = [part('a', 'echo fine'), part('b', 'echo no; exit 3'), part('c', 'sleep 60', 1)];
    expect(await run([...all, absent])).toEqual([
      'a passed',
      'b failed',
      'c out of time',
      'd not here',
    ]);
    expect(written().results.map(({ words }) => words)).toEqual([
      'fine',
      'no',
      '',
      'nothing to run',
    ]);
  });

  it('leaves few files, which hold everything', async () => {
    const files = 'mkdir -p $STYLEAR_RESULTS; echo "| x |" >$STYLEAR_RESULTS/x.md; echo said';
    await run([{ ...part('a', files), kind: 'figures' }, part('b c', 'exit 1')]);
    expect(readdirSync(out).sort()).toEqual(['logs.tgz', 'report.md', 'results.json']);
    expect(packed()).toEqual(['a.log', 'a/x.md', 'b-c.log']);
    const report = readFileSync(path.join(out, 'report.md'), 'utf8');
    expect(report).toContain('| b c | failed |');
    expect(report).toContain('## a: passed\n\n| x |');
  });

  it('goes on where an earlier one ended, also in a copy of its folder', async () => {
    const all = [part('a', 'true'), part('b', 'false'), part('c', 'sleep 60', 1)];
    await run(all);
    expect(ranNow()).toEqual(['a', 'b', 'c']);
    cpSync(out, path.join(top, 'copy'), { recursive: true });
    rmSync(out, { recursive: true });
    out = path.join(top, 'copy');
    const outcomes = await run([...all.slice(0, 2), part('c', 'true', 1), part('d', 'true')]);
    expect(ranNow()).toEqual(['d', 'c']); // what took too long comes last
    expect(outcomes).toEqual(['a passed', 'b failed', 'c passed', 'd passed']);
    expect(packed()).toEqual(['a.log', 'b.log', 'c.log', 'd.log']);
  });

  it('runs what was finished again when asked to, and keeps what was not chosen', async () => {
    const all = [part('a', 'true'), part('b', 'true')];
    await run(all);
    ranNow();
    expect(await run([part('a', 'false')], { again: true })).toEqual(['a failed']);
    expect(ranNow()).toEqual(['a']);
    expect(written().results.map(({ part }) => part)).toEqual(['b', 'a']);
  });

  it('takes nothing from another commit or another GPU', async () => {
    const gpu = (name: string) => ({ name }) as unknown as About['gpu'];
    const all = [part('a', 'true')];
    for (const other of [{}, { source: 'abc1235' }, { gpu: gpu('H200') }, { gpu: gpu('L4') }]) {
      await run(all, { about: { ...about, ...other } });
      expect(ranNow()).toEqual(['a']);
    }
  });

  it('refuses a file that is no results', async () => {
    await run([]);
    writeFileSync(path.join(out, 'results.json'), '{"results": []}');
    await expect(run([])).rejects.toThrow(/results.json: expected the results of a run/);
  });

  it('begins nothing that has no time left, and names what it cut off', async () => {
    const all = [part('a', 'sleep 60'), part('b', 'true', 400), part('c', 'true')];
    const began = performance.now();
    expect(await run(all, { seconds: 6 })).toEqual(['a cut off']);
    expect(performance.now() - began).toBeLessThan(40e3);
    expect(await run([part('a', 'true'), ...all.slice(1)])).toEqual(['a passed', 'c passed']);
    expect(ranNow()).toEqual(['a', 'a', 'c']);
  });

  it('ends what runs, and all that it started, when it is stopped', async () => {
    const stop = new AbortController();
    const pid = path.join(top, 'pid');
    const script = `sleep 60 & echo $! >${pid}; echo said; wait`;
    const running = run([part('a', script), part('b', 'true')], { stop: stop.signal });
    while (!existsSync(pid) || readFileSync(pid, 'utf8') === '') await setTimeout(20);
    await setTimeout(100);
    expect(readFileSync(path.join(out, 'running.log'), 'utf8')).toBe('said\n');
    stop.abort();
    expect(await running).toEqual(['a cut off']);
    expect(written().results[0]).toMatchObject({ outcome: 'cut off', words: 'said' });
    await vi.waitFor(() => expect(lives(Number(readFileSync(pid, 'utf8')))).toBe(false));
  });

  it('keeps what a part had printed whose run was killed', async () => {
    await run([part('a', 'true')]);
    writeFileSync(path.join(out, 'running.log'), 'half');
    await run([part('b', 'true')]);
    expect(packed()).toEqual(['a.log', 'b.log', 'killed.log']);
  });

  it('counts what is printed beyond a few megabytes, and keeps its end', async () => {
    await run([part('a', 'head -c 9000000 /dev/zero | tr "\\0" x; echo; echo end')]);
    expect(written().results[0]!.words.endsWith('\nend')).toBe(true);
    const log = readFileSync(path.join(top, 'logs', 'a.log'), 'utf8');
    expect(log.length).toBeLessThan(5e6);
    expect(log).toMatch(/\n\.\.\. \d+ bytes more\n$/);
  });
});

/** Whether a process is there and not merely unburied. */
function lives(pid: number): boolean {
  const stat = path.join('/proc', String(pid), 'stat');
  return existsSync(stat) && !/\) Z /.test(readFileSync(stat, 'utf8'));
}

describe('the parts', () => {
  it('have names and files of their own', () => {
    expect(new Set(parts.map(({ name }) => name.replace(/\W+/g, '-'))).size).toBe(parts.length);
  });

  it('begin with what is most telling, in less than ten minutes', () => {
    const memcheck = parts.findIndex(({ name }) => name === 'memcheck');
    const before = parts.slice(0, memcheck + 1);
    expect(before[0]!.name).toBe('gate');
    expect(before.every(({ kind }) => kind === 'check')).toBe(true);
    expect(before.reduce((sum, { seconds }) => sum + seconds, 0)).toBeLessThan(600);
  });
});

// A batch that is killed again and again. `STYLEAR_KILLS` is how often, for each kind of output; the
// long run has 500.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { builtCli } from '../support/built_cli.ts';
import { uniform } from '../support/numbers.ts';
import { readTar } from '../support/read_tar.ts';
import { withSmallModel } from '../support/small_model.ts';

const kills = Number(process.env.STYLEAR_KILLS ?? 12);

withSmallModel('stylear batch', ({ folder, scratch, style, subject, condition }) => {
  let cli: string;
  let requests: string;
  beforeAll(() => {
    cli = builtCli();
    requests = join(scratch, 'requests.jsonl');
    const rows = Array.from({ length: 16 }, (_, i) => ({
      ...{ id: `row-${i}`, prompt: `a house number ${i}`, size: '64x64', count: 1 + (i % 3) },
      ...(i % 4 > 0 ? { style } : {}),
      ...(i % 4 === 2 ? { subject } : {}),
      ...(i % 4 === 3 ? { condition } : {}),
    }));
    writeFileSync(requests, rows.map((row) => JSON.stringify(row)).join('\n'));
  });

  const start = (output: string, ...more: string[]): ChildProcess =>
    spawn(
      process.execPath,
      [cli, 'batch', requests, '-o', output, '--model', folder, '--device', 'cpu', ...more],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );

  async function finish(child: ChildProcess): Promise<{ code: number; text: string }> {
    let text = '';
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (data) => {
        text += data;
      });
    const [code] = (await once(child, 'close')) as [number];
    return { code, text };
  }

  /** Runs a batch until it is done, and kills it at moments that are spread over its work. */
  async function killedOften(place: string, output: string, journal: string, ...more: string[]) {
    const next = uniform(11);
    let killed = 0;
    while (killed < kills) {
      const before = lines(journal);
      const child = start(output, ...more);
      const closed = once(child, 'close');
      // When so many entries more are there, and a moment later; or it is done.
      const goal = before + Math.floor(next() * 4);
      while (child.exitCode === null && lines(journal) < goal) await setTimeout(2);
      if (next() < 0.7) await setTimeout(next() * 30);
      child.kill('SIGKILL');
      const [code] = (await closed) as [number | null];
      if (code === null) killed++;
      // Done: from the beginning, but for the last time.
      else if (killed < kills) rmSync(place, { recursive: true });
    }
    return finish(start(output, ...more));
  }
  const lines = (path: string): number =>
    existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;

  /** Pictures by the names of their files, of a run that nothing interrupts. */
  let expected: Map<string, Buffer>;
  beforeAll(async () => {
    const whole = join(scratch, 'whole');
    const { code, text } = await finish(start(whole));
    expect({ code, text }).toMatchObject({ code: 0 });
    expect(text).toMatch(/31 pictures in .* images\/hour, 2 styles encoded, .* steps a picture/);
    expected = new Map(picturesIn(whole));
    expect(expected.size).toBe(31);
  });
  const picturesIn = (path: string) =>
    readdirSync(path)
      .filter((name) => name.endsWith('.png'))
      .map((name) => [name, readFileSync(join(path, name))] as const);

  /** Every picture once in the journal. */
  function expectOnce(journal: string): void {
    const entries = readFileSync(journal, 'utf8').trim().split('\n').slice(1);
    const files = entries.map((line) => (JSON.parse(line) as { file: string }).file);
    expect(files.sort()).toEqual([...expected.keys()].sort());
  }

  describe(`killed ${kills} times`, () => {
    test('makes every file once, the same as without', { timeout: 3_600_000 }, async () => {
      const place = mkdtempSync(join(scratch, 'folder-'));
      const output = join(place, 'out');
      const journal = join(output, 'journal.jsonl');
      const { code } = await killedOften(output, output, journal);
      expect(code).toBe(0);
      const found = readdirSync(output).filter((name) => name !== 'journal.jsonl');
      const names = [...expected.keys()].flatMap((name) => [name, name.replace('.png', '.json')]);
      expect(found.sort()).toEqual(names.sort());
      for (const [name, bytes] of picturesIn(output))
        expect(bytes.equals(expected.get(name)!)).toBe(true);
      expectOnce(journal);
    });

    test('makes every member of tar files once, the same as without', {
      timeout: 3_600_000,
    }, async () => {
      const place = join(scratch, 'tar');
      const journal = join(place, 'a.journal.jsonl');
      const { code } = await killedOften(
        place,
        join(place, 'a.tar'),
        journal,
        '--shard-mb',
        '0.05',
      );
      expect(code).toBe(0);
      const shards = readdirSync(place).filter((name) => name.endsWith('.tar'));
      expect(shards.length).toBeGreaterThan(2);
      const found = shards.flatMap((name) => [...readTar(join(place, name))]);
      const pictures = found.filter(([name]) => name.endsWith('.png'));
      expect(found).toHaveLength(2 * expected.size);
      expect(pictures.map(([name]) => name).sort()).toEqual([...expected.keys()].sort());
      for (const [name, bytes] of pictures) expect(bytes.equals(expected.get(name)!)).toBe(true);
      expectOnce(journal);
    });
  });

  describe.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('at %s', (signal) => {
    test('stops, says that it goes on, and does', { timeout: 60_000 }, async () => {
      const output = join(mkdtempSync(join(scratch, 'stopped-')), 'out');
      const journal = join(output, 'journal.jsonl');
      const child = start(output, '--batch', '1');
      const stopped = finish(child);
      while (child.exitCode === null && lines(journal) < 3) await setTimeout(2);
      child.kill(signal);
      const { code, text } = await stopped;
      // After progress, where it took long.
      expect(text).toMatch(/^([^a-z]+of 31 pictures.*\n)*stopped; the same command goes on\n$/);
      expect(code).toBe(1);
      const made = lines(journal) - 1;
      expect(made).toBeLessThan(31);
      const again = await finish(start(output));
      expect(again.text).toContain(`${made} of 31 pictures are there already\n`);
      expect(again.code).toBe(0);
      for (const [name, bytes] of picturesIn(output))
        expect(bytes.equals(expected.get(name)!)).toBe(true);
      expectOnce(journal);
    });
  });

  test('says which rows failed, and exits with 1', async () => {
    const csv = join(scratch, 'some.csv');
    const fails = 'a,none.png,32x32,2\n'.repeat(21);
    writeFileSync(csv, `prompt,style,size,count\n${fails}b,,32x32,1\n`);
    const output = join(scratch, 'some');
    const args = [cli, 'batch', csv, '-o', output, '--model', folder];
    const { code, text } = await finish(spawn(process.execPath, args));
    expect(code).toBe(1);
    expect(text).toContain(`${csv}:2: 2: ERR_INPUT: ${join(scratch, 'none.png')}: expected`);
    const journal = join(output, 'journal.jsonl');
    expect(text).toContain(`42 failed, 20 of 21 reasons are above; see ${journal}\n`);
    expect(text).toMatch(/^1 picture in .*, [01] styles? encoded/m);
  });

  test('refuses a command line before it opens a model', async () => {
    const { code, text } = await finish(start(join(scratch, 'x.tar'), '--shard-mb', 'x'));
    expect(code).toBe(1);
    expect(text).toBe(
      "error: option '--shard-mb <megabytes>' argument 'x' is invalid. Expected a number.\n",
    );
    const none = await finish(start(join(scratch, 'x.tar'), '--shard-mb', '0'));
    expect(none).toEqual({
      code: 1,
      text: 'ERR_INPUT: batch: expected --shard-mb to be above 0, got 0\n',
    });
  });
});

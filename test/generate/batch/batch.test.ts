import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type BatchEvent, type BatchOptions, runBatch } from '../../../lib/generate/batch/batch.ts';
import { FolderOutput } from '../../../lib/generate/batch/folder_output.ts';
import { readRequestsFile } from '../../../lib/generate/batch/requests_file.ts';
import { StyleCache } from '../../../lib/generate/batch/style_cache.ts';
import { StyleAR } from '../../../lib/index.ts';
import { withSmallModel } from '../../support/small_model.ts';

withSmallModel('a batch', ({ folder, scratch, style, subject, condition }) => {
  let stylear: StyleAR;
  let place: string;
  beforeAll(async () => {
    stylear = await StyleAR.load(folder, { device: 'cpu', threads: 2 });
  });
  afterAll(() => stylear.close());
  beforeEach(() => {
    place = mkdtempSync(join(scratch, 'batch-'));
  });

  /** Runs rows, and stops after so many pictures. */
  async function run(
    rows: readonly object[],
    {
      stopAfter = Number.POSITIVE_INFINITY,
      ...options
    }: BatchOptions & { stopAfter?: number } = {},
  ): Promise<BatchEvent[]> {
    const path = join(place, 'requests.jsonl');
    writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'));
    const events: BatchEvent[] = [];
    const output = new FolderOutput(join(place, 'out'));
    let pictures = 0;
    for await (const event of runBatch(stylear, readRequestsFile(path), output, options)) {
      events.push(event);
      if (event.type === 'picture' && ++pictures >= stopAfter) break;
    }
    return events;
  }
  const files = () => readdirSync(join(place, 'out')).sort();
  const bytesOf = (name: string) => readFileSync(join(place, 'out', name));
  const journal = () =>
    `${bytesOf('journal.jsonl')}`
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const row = (id: string, change: object = {}) => ({
    id,
    prompt: `a ${id}`,
    size: '32x32',
    ...change,
  });

  test('is a file for each picture, one that says how it was made, and a journal', async () => {
    const events = await run([row('a', { count: 2, style, seed: 4 }), row('b')]);
    expect(files()).toEqual([
      'a-1.json',
      'a-1.png',
      'a-2.json',
      'a-2.png',
      'b.json',
      'b.png',
      'journal.jsonl',
    ]);
    expect(JSON.parse(`${bytesOf('a-2.json')}`)).toMatchObject({
      ...{ id: 'a', index: 1, prompt: 'a a', seed: 5, width: 32, model: stylear.hash },
      request: { style, count: 2 },
    });
    expect(journal().map(({ kind }) => kind)).toEqual(['batch', 'picture', 'picture', 'picture']);
    expect(events.at(-1)).toEqual({ type: 'done', pictures: 3, failed: 0, styles: 1 });
    const image = await stylear.draw({
      ...{ prompt: 'a a', style, seed: 5, size: { width: 32, height: 32 } },
    });
    expect(bytesOf('a-2.png')).toEqual(await image.encode());
  });

  test('leaves words out where it is told to, in other formats too', async () => {
    await run([row('a')], { format: 'jpeg', metadata: false });
    expect(files()).toEqual(['a.jpg', 'journal.jsonl']);
  });

  test('goes on with what is left, pictures in the middle of rows too', async () => {
    const rows = [row('a', { count: 7, style }), row('b', { count: 2 }), row('c')];
    await run(rows);
    const names = files().filter((name) => name.endsWith('.png'));
    const whole = new Map(names.map((name) => [name, bytesOf(name)]));
    rmSync(join(place, 'out'), { recursive: true });
    let rounds = 0;
    for (let left = 10; left > 0; rounds++) {
      const [started] = await run(rows, { stopAfter: 1 + (rounds % 3), batch: 3 });
      left = started?.type === 'started' ? started.left : 0;
    }
    expect(rounds).toBeGreaterThan(2);
    for (const [name, bytes] of whole) expect(bytesOf(name)).toEqual(bytes);
    const drawn = journal().flatMap(({ kind, id, index }) =>
      kind === 'picture' ? [`${id}:${index}`] : [],
    );
    expect(drawn).toHaveLength(10);
    expect(new Set(drawn).size).toBe(10);
  });

  test('takes rows that were added, and refuses rows that were changed', async () => {
    await run([row('a')]);
    expect(await run([row('a'), row('b')])).toContainEqual({
      type: 'started',
      done: 1,
      left: 1,
      lost: 0,
    });
    await expect(run([row('a', { guidance: 2 }), row('b')])).rejects.toThrow(
      'expected row a to be as it was when it was drawn, got another in line 1. Give it an id of ' +
        'its own, or write to another place.',
    );
    // And nobody is kept from going on.
    expect(await run([row('a'), row('b')])).toContainEqual({
      type: 'started',
      done: 2,
      left: 0,
      lost: 0,
    });
  });

  test('draws again what is journaled and gone', async () => {
    const rows = [row('a', { count: 3, style }), row('b'), row('c')];
    await run(rows);
    const names = ['a-2.png', 'a-3.json', 'b.png', 'c.png'];
    const whole = new Map(names.map((name) => [name, bytesOf(name)]));
    rmSync(join(place, 'out', 'a-2.png'));
    rmSync(join(place, 'out', 'a-3.json'));
    writeFileSync(join(place, 'out', 'b.png'), '');
    // A batch without that row does not miss its files.
    rmSync(join(place, 'out', 'c.png'));
    const events = await run(rows.slice(0, 2));
    expect(events[0]).toEqual({ type: 'started', done: 1, left: 3, lost: 3 });
    expect(events.at(-1)).toMatchObject({ pictures: 3, failed: 0 });
    const again = await run(rows);
    expect(again[0]).toEqual({ type: 'started', done: 4, left: 1, lost: 1 });
    for (const [name, bytes] of whole) expect(bytesOf(name)).toEqual(bytes);
  });

  test('goes on where rows fail, notes why, and tries them again', async () => {
    const rows = [
      row('a', { style: 'none.png' }),
      row('b', { condition: 'none.png', style }),
      row('c', { prompt: ' ' }),
      row('d', { size: '33x32' }),
      row('e', { style }),
    ];
    const events = await run(rows);
    expect(events.at(-1)).toMatchObject({ pictures: 1, failed: 4 });
    const failures = journal().filter(({ kind }) => kind === 'failed');
    expect(failures.map(({ id, code }) => `${id} ${code}`).sort()).toEqual(
      ['a', 'b', 'c', 'd'].map((id) => `${id} ERR_INPUT`),
    );
    expect(files()).toEqual(['e.json', 'e.png', 'journal.jsonl']);
    copyFileSync(style, join(place, 'none.png'));
    expect((await run(rows)).at(-1)).toMatchObject({ pictures: 2, failed: 2 });
  });

  test('counts pictures that failed in its progress, to the last one', async () => {
    const events = await run([
      row('a', { style: 'none.png', count: 3 }),
      row('b', { condition: 'none.png', count: 2 }),
      row('c', { count: 2 }),
    ]);
    expect(events.at(-1)).toMatchObject({ pictures: 2, failed: 5 });
    const progress = events.filter(({ type }) => type === 'progress');
    expect(progress.at(-1)).toEqual({ type: 'progress', pictures: 2, failed: 5 });
    const failed = events.flatMap((event) =>
      event.type === 'failed' ? [[event.row.id, event.pictures]] : [],
    );
    expect(failed.sort()).toEqual([
      ['a', 3],
      ['b', 2],
    ]);
  });

  test('takes rows of higher priority first', async () => {
    await run([row('a'), row('b', { priority: 2 }), row('c', { priority: 1 })], { batch: 1 });
    expect(journal().flatMap(({ id }) => id ?? [])).toEqual(['b', 'c', 'a']);
  });

  test('encodes each style once, by what its pictures hold', async () => {
    const copy = join(scratch, 'copy.png');
    copyFileSync(style, copy);
    const cache = new StyleCache(stylear);
    const reference = { picture: copy };
    const first = await Promise.all([cache.get([reference]), cache.get([reference])]);
    expect(first[0]).toBe(first[1]);
    expect(cache.encoded).toBe(1);
    await cache.get([{ picture: copy, subject }]);
    expect(cache.encoded).toBe(2);
    copyFileSync(condition, copy);
    expect((await cache.get([reference])).key).not.toBe(first[0]!.key);
    expect(cache.encoded).toBe(3);
    await expect(cache.get([{ picture: 'none.png' }])).rejects.toMatchObject({ code: 'ERR_INPUT' });
    await expect(cache.get([{ picture: 'none.png' }])).rejects.toMatchObject({ code: 'ERR_INPUT' });
  });

  test('refuses a folder with files of others, and a journal of another model or other defaults', async () => {
    await run([row('a')]);
    const text = `${bytesOf('journal.jsonl')}`;
    writeFileSync(join(place, 'out', 'journal.jsonl'), text.replace(stylear.hash, 'another'));
    await expect(run([row('a')])).rejects.toThrow('expected the model of the batch that was begun');
    const { guidance } = stylear.config.defaults;
    const other = text.replace(`"guidance":${guidance}`, `"guidance":${guidance + 1}`);
    writeFileSync(join(place, 'out', 'journal.jsonl'), other);
    await expect(run([row('a')])).rejects.toThrow(
      `expected guidance to be ${guidance + 1}, as it was begun with, got ${guidance}. Go on with it`,
    );
    writeFileSync(join(place, 'out', 'journal.jsonl'), text.replace(/"defaults":\{.*?\},/, ''));
    await run([row('a')]);
    rmSync(join(place, 'out', 'journal.jsonl'));
    await expect(run([row('a')])).rejects.toThrow(
      'expected the folder to be empty, or that of a batch that was begun, got a.json in it',
    );
  });

  test('ends with the failure where files cannot be written, and leaves none half', async () => {
    const rows = [row('a'), row('b')];
    const output = new FolderOutput(join(place, 'out'));
    const path = join(place, 'requests.jsonl');
    writeFileSync(path, rows.map((each) => JSON.stringify(each)).join('\n'));
    const broken = Object.assign(Object.create(output) as FolderOutput, {
      add: () => Promise.reject(new Error('no space')),
    });
    const attempt = async () => {
      for await (const event of runBatch(stylear, readRequestsFile(path), broken)) void event;
    };
    await expect(attempt()).rejects.toThrow('no space');
    expect(files()).toEqual(['journal.jsonl']);
    expect((await run(rows)).at(-1)).toMatchObject({ pictures: 2, failed: 0 });
  });

  test('leaves nothing on the engine when it is stopped', async () => {
    await run([row('a', { count: 9 })], { stopAfter: 1 });
    expect(stylear.engine.active).toBe(0);
    expect(stylear.engine.pool.available).toBe(stylear.engine.pool.total);
  });

  describe('that is aborted', () => {
    test('keeps what was drawn', async () => {
      const controller = new AbortController();
      const rows = [row('a', { count: 5 })];
      const attempt = run(rows, { signal: controller.signal, batch: 1 });
      setTimeout(() => controller.abort(), 30);
      await attempt.catch((error: unknown) => expect(error).toMatchObject({ name: 'AbortError' }));
      await run(rows);
      expect(files().filter((name) => name.endsWith('.png'))).toHaveLength(5);
    });
  });
});

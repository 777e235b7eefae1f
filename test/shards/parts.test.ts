import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { makeParts } from '../../lib/shards/parts.ts';
import { type Sample, Shards } from '../../lib/shards/shards.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-parts-'));
afterAll(() => rmSync(root, { recursive: true }));
let folder = '';
let folders = 0;
beforeEach(() => {
  folder = join(root, `f${folders++}`);
});

const sample = (i: number): Sample => ({
  key: `${i}`,
  files: new Map([['txt', Buffer.from(`number ${i}`)]]),
});
const common = { total: 8, partSize: 3, identity: 'one' };
/** Makes samples, notes which, and may be killed at one of them. */
function maker(made: number[], killedAt = -1) {
  return async function* (begin: number, end: number) {
    for (let i = begin; i < end; i++) {
      if (i === killedAt) throw new Error('killed');
      made.push(i);
      yield sample(i);
    }
  };
}
const bytesIn = (of: string) =>
  readdirSync(of)
    .sort()
    .map((name) => [name, readFileSync(join(of, name), 'latin1')]);

describe('parts', () => {
  test('hold all samples, in order', async () => {
    const done: number[] = [];
    const made: number[] = [];
    const onProgress = (count: number) => done.push(count);
    const indices = await makeParts(folder, { ...common, onProgress }, maker(made));
    expect(done).toEqual([3, 6, 8]);
    using shards = Shards.open(indices);
    const keys = Array.from({ length: shards.length }, (_, i) => shards.keyOf(i));
    expect(keys).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
  });

  test('are gone on with where a run stopped, and have the bytes of one without a break', async () => {
    const whole = join(root, 'whole');
    await makeParts(whole, common, maker([]));
    for (let killedAt = 0; killedAt < 8; killedAt++) {
      const parted = `${folder}-${killedAt}`;
      await expect(makeParts(parted, common, maker([], killedAt))).rejects.toThrow('killed');
      // What a process that was killed leaves beside the whole parts.
      writeFileSync(join(parted, 'part-00001-00000.tar.1234.tmp'), 'half');
      const made: number[] = [];
      await makeParts(parted, common, maker(made));
      expect(made[0]).toBe(killedAt - (killedAt % 3));
      expect(bytesIn(parted)).toEqual(bytesIn(whole));
    }
  });

  test('may be empty', async () => {
    const indices = await makeParts(folder, common, async function* (begin) {
      if (begin === 3) yield sample(4);
    });
    using shards = Shards.open(indices);
    expect([indices.length, shards.length]).toEqual([3, 1]);
  });

  test('end with the signal, after the sample that is being made', async () => {
    const controller = new AbortController();
    const made: number[] = [];
    const make = async function* (begin: number, end: number) {
      for await (const next of maker(made)(begin, end)) {
        if (made.length === 5) controller.abort();
        yield next;
      }
    };
    const { signal } = controller;
    await expect(makeParts(folder, { ...common, signal }, make)).rejects.toThrow(
      'This operation was aborted',
    );
    expect(made).toEqual([0, 1, 2, 3, 4]);
    expect(
      readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .sort(),
    ).toEqual(['identity.json', 'part-00000.index.json']);
  });

  test('of something else are refused', async () => {
    await makeParts(folder, common, maker([]));
    await expect(makeParts(folder, { ...common, identity: 'two' }, maker([]))).rejects.toThrow(
      `${folder}: expected its identity to be "one", as it was begun with, got "two". Remove the ` +
        'folder, or write to another output.',
    );
  });
});

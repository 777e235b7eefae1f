import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { PictureEntry, Place } from '../../../lib/generate/batch/journal.ts';
import { TarOutput } from '../../../lib/generate/batch/tar_output.ts';
import { readTar } from '../../support/read_tar.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-tar-'));
afterAll(() => rmSync(root, { recursive: true }));
const path = join(root, 'out', 'a.tar');
const shard = (number: number) => join(root, 'out', `a-0000${number}.tar`);
beforeEach(() => rmSync(join(root, 'out'), { recursive: true, force: true }));

const file = (name: string, length: number) => ({ name, bytes: Buffer.alloc(length, name) });
const entryAt = (place: Place): PictureEntry => ({
  ...{ kind: 'picture', id: 'a', index: 0, row: 'r', file: 'f', seed: 1, place },
});

describe('TarOutput', () => {
  test('writes archives that tar reads, and none that is larger than asked for', async () => {
    const output = new TarOutput(path, 4096);
    output.resume([]);
    const places = [];
    for (const name of ['a.png', 'b.png', 'c.png'])
      places.push(await output.add([file(name, 513), file(`${name}.json`, 0)]));
    output.close();
    expect(places.map(({ shard }) => shard)).toEqual([0, 1, 2]);
    for (let number = 0; number < 3; number++) {
      expect(readFileSync(shard(number)).length).toBeLessThanOrEqual(4096);
      const listed = execFileSync('tar', ['tf', shard(number)], { encoding: 'utf8' });
      const name = ['a.png', 'b.png', 'c.png'][number]!;
      expect(listed).toBe(`${name}\n${name}.json\n`);
      expect(readTar(shard(number)).get(name)).toEqual(file(name, 513).bytes);
    }
  });

  test('goes on where the journal ends, whatever came after it', async () => {
    const first = new TarOutput(path, 1e6);
    first.resume([]);
    const place = await first.add([file('a', 600)]);
    await first.add([file('lost', 600)]);
    first.close();
    appendFileSync(shard(0), 'noise');
    writeFileSync(shard(1), 'begun');
    writeFileSync(join(root, 'out', 'a.journal.jsonl'), '');
    const again = new TarOutput(path, 1e6);
    again.resume([entryAt(place)]);
    expect(existsSync(shard(1))).toBe(false);
    await again.add([file('b', 10)]);
    again.close();
    expect([...readTar(shard(0)).keys()]).toEqual(['a', 'b']);
  });

  test('closes what was complete when it was interrupted', async () => {
    const first = new TarOutput(path, 1e6);
    first.resume([]);
    const place = await first.add([file('a', 600)]);
    first.close();
    truncateSync(shard(0), place.end + 3);
    writeFileSync(join(root, 'out', 'a.journal.jsonl'), '');
    const again = new TarOutput(path, 1e6);
    again.resume([entryAt(place)]);
    again.close();
    expect([...readTar(shard(0)).keys()]).toEqual(['a']);
  });

  test('says where it cannot write', () => {
    writeFileSync(join(root, 'a-file'), '');
    expect(() => new TarOutput(join(root, 'a-file', 'a.tar'), 1e6)).toThrow(
      expect.objectContaining({
        code: 'ERR_INPUT',
        message: expect.stringContaining('a-file: expected the folder to be writable, got EEXIST'),
      }),
    );
  });

  test('refuses archives of somebody else, and those that lost what is journaled', async () => {
    const first = new TarOutput(path, 1e6);
    first.resume([]);
    const place = await first.add([file('a', 600)]);
    first.close();
    expect(() => new TarOutput(path, 1e6)).toThrow(
      'a-00000.tar: expected no such file, or the journal of its batch beside it, got one',
    );
    writeFileSync(join(root, 'out', 'a.journal.jsonl'), '');
    truncateSync(shard(0), 512);
    expect(() => new TarOutput(path, 1e6).resume([entryAt(place)])).toThrow(
      `a-00000.tar: expected at least the ${place.end} bytes that are journaled, got 512`,
    );
  });
});

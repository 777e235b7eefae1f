import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Journal, type PictureEntry } from '../../../lib/generate/batch/journal.ts';

/** Bytes that the disk still has room for. */
let room = Number.POSITIVE_INFINITY;

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const writeSync = (fd: number, bytes: Uint8Array, at: number) => {
    if (room === 0) throw new Error('ENOSPC: no space left on device, write');
    const written = fs.writeSync(fd, bytes, at, Math.min(bytes.length - at, room));
    room -= written;
    return written;
  };
  return { ...fs, writeSync };
});

const folder = mkdtempSync(join(tmpdir(), 'stylear-journal-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'journal.jsonl');
const lock = `${path}.lock`;
beforeEach(() => {
  rmSync(path, { force: true });
  rmSync(lock, { force: true });
});

const head = { model: 'm', form: 'png' };
const entry = (index: number): PictureEntry => ({
  ...{ kind: 'picture', id: 'ä', index, row: 'r', file: 'f', seed: 1 },
});

/** What a run finds that notes some entries and ends. */
function run(...entries: PictureEntry[]) {
  const journal = Journal.open(path, head);
  for (const entry of entries) journal.append(entry);
  journal.close();
  return journal.entries;
}

describe('Journal', () => {
  test('has what earlier runs noted', () => {
    expect(run(entry(0), entry(1))).toEqual([]);
    expect(run(entry(2))).toEqual([entry(0), entry(1)]);
    expect(run()).toEqual([entry(0), entry(1), entry(2)]);
  });

  test('loses half a line wherever it was cut, and nothing else', () => {
    run(entry(0));
    const whole = readFileSync(path);
    run(entry(1));
    const longer = readFileSync(path);
    for (let length = whole.length; length < longer.length; length++) {
      writeFileSync(path, longer.subarray(0, length));
      expect(run(entry(2))).toEqual([entry(0)]);
      expect(run()).toEqual([entry(0), entry(2)]);
    }
    for (let length = 0; length < 20; length++) {
      writeFileSync(path, longer.subarray(0, length));
      expect(run(entry(2))).toEqual([]);
    }
  });

  test('is refused for another model, other files, and where it is damaged', () => {
    run(entry(0));
    expect(() => Journal.open(path, { ...head, model: 'n' })).toThrow(
      'journal.jsonl: expected the model of the batch that was begun, m, got n. Go on with it, or ' +
        'write to another place.',
    );
    expect(() => Journal.open(path, { ...head, form: 'jpeg' })).toThrow('expected the form of');
    appendFileSync(path, '{"kind":"picture"}\n');
    expect(() => run()).toThrow(
      'journal.jsonl:3: expected an entry of a journal, got {"kind":"picture"}',
    );
    expect(existsSync(lock)).toBe(false);
  });

  test('loses no entry but the one that there is no room for', () => {
    run(entry(0));
    const journal = Journal.open(path, head);
    room = 10;
    expect(() => journal.append(entry(1))).toThrow(
      expect.objectContaining({
        code: 'ERR_INPUT',
        message: `${path}: expected the file to be writable, got ENOSPC: no space left on device, write`,
      }),
    );
    room = Number.POSITIVE_INFINITY;
    journal.append(entry(2));
    journal.close();
    expect(run()).toEqual([entry(0), entry(2)]);
    rmSync(path);
    room = 0;
    expect(() => run()).toThrow('journal.jsonl: expected the file to be writable, got ENOSPC');
    room = Number.POSITIVE_INFINITY;
    expect(existsSync(lock)).toBe(false);
  });

  test('belongs to one run at a time, and to the next when that is gone', () => {
    const other = Journal.open(path, head);
    expect(() => run()).toThrow(
      `${lock}: expected no other run to hold the journal, got process ${process.pid} on `,
    );
    other.append(entry(0));
    other.close();
    expect(run()).toEqual([entry(0)]);
    rmSync(path);
    // What a run of the past left behind, whose process may be another program's now.
    writeFileSync(lock, '1');
    expect(run()).toEqual([]);
    expect(existsSync(lock)).toBe(false);
  });
});

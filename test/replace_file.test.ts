import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { replaceFile } from '../lib/replace_file.ts';

/** Called before each call of the file system that writes; fails it by throwing. */
let beforeCall: (name: string) => void = () => {};

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const watched = ['openSync', 'writeSync', 'fsyncSync', 'closeSync', 'renameSync'] as const;
  const calls = watched.map((name) => [
    name,
    (...args: never[]) => {
      beforeCall(name);
      return (fs[name] as (...args: never[]) => unknown)(...args);
    },
  ]);
  return { ...fs, ...Object.fromEntries(calls) };
});

const folder = mkdtempSync(join(tmpdir(), 'stylear-replace-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'x');

describe('replaceFile', () => {
  test('puts what was written in the place of the old content', async () => {
    writeFileSync(path, 'old');
    await replaceFile(path, 'ERR_INPUT', async (write) => {
      write(Buffer.from('ne'));
      write(Buffer.from('w'));
      expect(readFileSync(path, 'utf8')).toBe('old');
    });
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['x']);
  });

  test('leaves the old content, and nothing else, when the writer fails', async () => {
    writeFileSync(path, 'old');
    const failing = replaceFile(path, 'ERR_INPUT', (write) => {
      write(Buffer.from('ne'));
      throw new Error('no power');
    });
    await expect(failing).rejects.toThrow('no power');
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['x']);
  });

  test.each(['ERR_INPUT', 'ERR_WEIGHTS'] as const)(
    'says with %s that a file cannot be written',
    async (code) => {
      const nowhere = join(folder, 'none', 'x');
      await expect(replaceFile(nowhere, code, () => {})).rejects.toMatchObject({
        code,
        message: expect.stringContaining(
          `${nowhere}: expected the file to be writable, got ENOENT`,
        ),
      });
    },
  );
});

describe('replaceFile, where the disk fails', () => {
  const whole = 'new, in three pieces';
  const replace = () =>
    replaceFile(path, 'ERR_WEIGHTS', (write) => {
      for (const piece of whole.split(/(?<=,|in)/)) write(Buffer.from(piece));
    });

  /** The calls of a replacement, in their order. */
  async function callsOf(): Promise<string[]> {
    const calls: string[] = [];
    writeFileSync(path, 'old');
    beforeCall = (name) => calls.push(name);
    await replace();
    beforeCall = () => {};
    return calls;
  }

  test('flushes the file before it is renamed, and the folder after it', async () => {
    expect((await callsOf()).join(' ')).toBe(
      'openSync writeSync writeSync writeSync fsyncSync closeSync renameSync openSync fsyncSync closeSync',
    );
  });

  test('goes on without a flush where the permission model allows none, and with nothing else', async () => {
    const refuse = (refused: string) => (name: string) => {
      if (name !== refused) return;
      throw Object.assign(new Error(`${name} is disabled`), { code: 'ERR_ACCESS_DENIED' });
    };
    beforeCall = refuse('fsyncSync');
    await replace();
    expect(readFileSync(path, 'utf8')).toBe(whole);
    for (const name of ['openSync', 'writeSync', 'renameSync']) {
      beforeCall = refuse(name);
      await expect(replace()).rejects.toThrow(`got ${name} is disabled`);
    }
    beforeCall = () => {};
  });

  test.each(['ENOSPC', 'EIO'])(
    'leaves the old content or the new at %s in any call',
    async (code) => {
      const calls = await callsOf();
      const renamed = calls.indexOf('renameSync');
      for (const [failing, name] of calls.entries()) {
        writeFileSync(path, 'old');
        let call = 0;
        beforeCall = () => {
          if (call++ !== failing) return;
          throw Object.assign(new Error(`${code}: ${name}`), { code });
        };
        const failed = await replace().catch((error: unknown) => error);
        beforeCall = () => {};
        expect(failed).toMatchObject({
          code: 'ERR_WEIGHTS',
          message: `${path}: expected the file to be writable, got ${code}: ${name}`,
          cause: { code },
        });
        expect(readFileSync(path, 'utf8')).toBe(failing <= renamed ? 'old' : whole);
        expect(readdirSync(folder)).toEqual(['x']);
      }
    },
  );
});

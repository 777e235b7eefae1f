import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { takeLock } from '../lib/file_lock.ts';
import { nativeFolder } from '../lib/native.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-lock-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'a.lock');
beforeEach(() => rmSync(path, { recursive: true, force: true }));

/** A process that prints `taken` or the holder that it found, and goes on until its input ends. */
function taker() {
  const program = `
    const { lockFile } = require(${JSON.stringify(join(nativeFolder(), 'stylear.node'))});
    const found = lockFile(${JSON.stringify(path)}, 'process ' + process.pid + ' on elsewhere');
    console.log(found.lock ? 'taken' : found.holder.trim());
    process.stdin.resume().on('end', () => process.exit());
    globalThis.found = found;`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  return { child, found: once(child.stdout, 'data').then(([data]) => `${data}`.trim()) };
}

describe('takeLock', () => {
  const mine = `process ${process.pid} on ${hostname()}`;

  test('keeps out this process and others until it is released', async () => {
    const lock = takeLock(path, 'the journal');
    expect(readFileSync(path, 'utf8')).toBe(`${mine}\n`);
    const message = `${path}: expected no other run to hold the journal, got ${mine}. Wait for its end.`;
    expect(() => takeLock(path, 'the journal')).toThrow(
      expect.objectContaining({ code: 'ERR_INPUT', message }),
    );
    const other = taker();
    expect(await other.found).toBe(mine);
    other.child.stdin.end();
    lock.release();
    expect(existsSync(path)).toBe(false);
    using _next = takeLock(path, 'the journal');
    // Of one who has nothing to let go of any more.
    lock.release();
    expect(() => takeLock(path, 'the journal')).toThrow('expected no other run');
  });

  test('is kept out by another process, and free when that is killed', async () => {
    const { child, found } = taker();
    expect(await found).toBe('taken');
    expect(() => takeLock(path, 'x')).toThrow(`got process ${child.pid} on elsewhere.`);
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
    expect(existsSync(path)).toBe(true);
    takeLock(path, 'x').release();
    expect(existsSync(path)).toBe(false);
  });

  test.each(['', '1', `${process.pid}`, `process ${process.ppid} on ${hostname()}\n`, '\xff\0'])(
    'is free where nobody holds a file, whatever it says: %j',
    (text) => {
      writeFileSync(path, text, 'latin1');
      using _lock = takeLock(path, 'x');
      expect(readFileSync(path, 'utf8')).toBe(`${mine}\n`);
    },
  );

  test('says another where the holder wrote nothing that is known', () => {
    using _lock = takeLock(path, 'x');
    writeFileSync(path, 'noise');
    expect(() => takeLock(path, 'x')).toThrow('expected no other run to hold x, got another. ');
  });

  test('leaves a file alone that took the place of its own', () => {
    const lock = takeLock(path, 'x');
    rmSync(path);
    using _other = takeLock(path, 'x');
    lock.release();
    expect(existsSync(path)).toBe(true);
    expect(() => takeLock(path, 'x')).toThrow('expected no other run');
  });

  test('says why a file cannot be made', () => {
    mkdirSync(path);
    expect(() => takeLock(path, 'x')).toThrow(
      expect.objectContaining({
        code: 'ERR_INPUT',
        message: `${path}: expected the file to be writable, got Is a directory`,
      }),
    );
    const nowhere = join(folder, 'none', 'a.lock');
    expect(() => takeLock(nowhere, 'x')).toThrow(`${nowhere}: expected the file to be writable`);
  });
});

import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ErrorCode, StylearError } from './error.ts';

/**
 * Writes a file in the place of another. Whatever interrupts it, the path has the old content or the
 * new: the file is written under another name beside it, flushed to the disk and renamed.
 *
 * @param code  of the error when the file system refuses
 * @param body  is called with what appends to the new file; the old one stays when it throws
 */
export async function replaceFile(
  path: string,
  code: ErrorCode,
  body: (write: (bytes: Uint8Array) => void) => void | Promise<void>,
): Promise<void> {
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (cause) {
      const got = (cause as Error).message;
      throw new StylearError(code, `${path}: expected the file to be writable, got ${got}`, {
        cause,
      });
    }
  };
  const temporary = `${path}.${randomUUID()}.tmp`;
  const fd = attempt(() => openSync(temporary, 'wx'));
  try {
    try {
      await body((bytes) => attempt(() => writeAll(fd, bytes)));
      attempt(() => flush(fd));
    } finally {
      // Some file systems find out only here that there is no room.
      attempt(() => closeSync(fd));
    }
    attempt(() => renameSync(temporary, path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  attempt(() => flushFolder(dirname(path)));
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(fd, bytes, at, Math.min(bytes.length - at, 2 ** 30));
  }
}

/**
 * Makes what was written outlast a crash. Node's permission model allows nobody that, whatever may be
 * written; then the system flushes when it comes to it.
 */
export function flush(fd: number): void {
  try {
    fsyncSync(fd);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_ACCESS_DENIED') throw error;
  }
}

/** Makes the names in a folder outlast a crash. */
export function flushFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    flush(folder);
  } finally {
    closeSync(folder);
  }
}

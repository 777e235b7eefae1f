import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { StylearError } from '../error.ts';

/** Bytes that are read by offset: those of an open file, or of memory. */
export interface ByteSource {
  /** What errors call it: the path of the file. */
  readonly path: string;
  readonly bytes: number;
  /** The bytes `[offset, offset + length)`, which must lie inside. */
  read(offset: number, length: number): Buffer;
}

/** A file open for reading. The size is that of the moment of opening. */
export interface OpenFile extends ByteSource, Disposable {
  /** Does nothing twice. */
  close(): void;
}

/** Throws `ERR_WEIGHTS` when there is no such file, or it is none. */
export function openFile(path: string): OpenFile {
  let fd: number;
  try {
    // Without waiting for the other end, should it be a pipe.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw weightsError(path, 'the file', 'readable', (cause as Error).message, { cause });
  }
  const stat = fstatSync(fd);
  let open = true;
  const close = () => {
    if (open) closeSync(fd);
    open = false;
  };
  if (!stat.isFile()) {
    close();
    throw weightsError(path, 'the path', 'a regular file', 'something else');
  }
  const read = (offset: number, length: number): Buffer => {
    requireInside(path, stat.size, offset, length);
    const buffer = Buffer.allocUnsafeSlow(length);
    for (let at = 0; at < length; ) {
      const most = Math.min(length - at, 2 ** 30);
      let got: number;
      try {
        got = readSync(fd, buffer, at, most, offset + at);
      } catch (cause) {
        throw weightsError(path, 'the file', 'readable', (cause as Error).message, { cause });
      }
      if (got === 0) {
        throw weightsError(path, 'the file', `${stat.size} bytes as when opened`, 'an earlier end');
      }
      at += got;
    }
    return buffer;
  };
  return { path, bytes: stat.size, read, close, [Symbol.dispose]: close };
}

/**
 * What `body` makes of a file, which is closed then. For what `StyleAR.load` reads, instead of `using`:
 * that is compiled to what needs `Symbol.dispose`, and contexts of `node:vm` lack it before Node 24.
 *
 * Throws as `openFile` does.
 */
export function readingFile<T>(path: string, body: (source: ByteSource) => T): T {
  const source = openFile(path);
  try {
    return body(source);
  } finally {
    source.close();
  }
}

/** Memory in the place of a file. */
export function inMemory(path: string, content: Uint8Array): ByteSource {
  const buffer = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const read = (offset: number, length: number): Buffer => {
    requireInside(path, content.length, offset, length);
    return buffer.subarray(offset, offset + length);
  };
  return { path, bytes: content.length, read };
}

function requireInside(path: string, bytes: number, offset: number, length: number): void {
  if (!isCount(offset) || !isCount(length) || length > bytes - offset) {
    const range = `bytes ${offset} to ${offset + length}`;
    throw weightsError(path, range, 'inside the file', `a file of ${bytes} bytes`);
  }
}

/** Whether `value` is a whole number from 0 that JavaScript holds exactly. */
export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * What every failure of this room is: `<file>: expected <what> to be <expected>, got <got>`.
 *
 * @param advice  a sentence that begins with a verb
 */
export function weightsError(
  path: string,
  what: string,
  expected: string,
  got: string,
  { advice, cause }: { readonly advice?: string | undefined; readonly cause?: unknown } = {},
): StylearError {
  const message = `${path}: expected ${what} to be ${expected}, got ${got}`;
  return new StylearError('ERR_WEIGHTS', advice ? `${message}. ${advice}` : message, { cause });
}

/** A string of a file for a message: quoted, and no longer than fits on a line. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

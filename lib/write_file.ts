// Files that grow while something runs; what must be whole or not there is for `replaceFile`.
import { appendFileSync, writeFileSync } from 'node:fs';
import { StylearError } from './error.ts';

/** Begins a file anew. Throws `ERR_INPUT` when the file system refuses. */
export const writeFile = (path: string, content: string | Uint8Array): void =>
  writingTo(path, () => writeFileSync(path, content));

/** Throws `ERR_INPUT` when the file system refuses. */
export const appendToFile = (path: string, content: string | Uint8Array): void =>
  writingTo(path, () => appendFileSync(path, content));

/** What `action` gives, which writes to a file. Throws `ERR_INPUT` when the file system refuses. */
export function writingTo<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof StylearError) throw cause;
    const got = (cause as Error).message;
    throw new StylearError('ERR_INPUT', `${path}: expected the file to be writable, got ${got}`, {
      cause,
    });
  }
}

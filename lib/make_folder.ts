import { accessSync, constants, mkdirSync } from 'node:fs';
import { StylearError } from './error.ts';

/**
 * Makes a folder that files are to be written to, and those that it lies in, where there is none.
 *
 * Throws `ERR_INPUT` when the file system refuses, such as where a file has its name, and when the folder may
 * not be written to.
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK);
  } catch (cause) {
    const got = (cause as Error).message;
    throw new StylearError('ERR_INPUT', `${path}: expected the folder to be writable, got ${got}`, {
      cause,
    });
  }
}

import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StylearError } from './error.ts';

/**
 * Makes a folder that files are to be written to, and those that it lies in, where there is none.
 *
 * Throws `ERR_INPUT` when the file system refuses, such as where a file has its name, and when the folder may
 * not be written to.
 */
export function makeFolder(path: string): void {
  try {
    makeFolderTree(path);
    accessSync(path, constants.W_OK);
  } catch (cause) {
    const got = (cause as Error).message;
    throw new StylearError('ERR_INPUT', `${path}: expected the folder to be writable, got ${got}`, {
      cause,
    });
  }
}

/**
 * The same with the errors of the file system. Node's own `recursive` never returns where a folder that is
 * there takes no other, such as /proc.
 */
export function makeFolderTree(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (isFolder(path)) return;
    const above = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || isFolder(above)) throw error;
    makeFolderTree(above);
    makeFolderTree(path);
  }
}

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

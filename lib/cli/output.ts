import { statSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { StylearError } from '../error.ts';
import { makeFolder } from '../make_folder.ts';

/**
 * Makes the folder that a file is to be written to, before hours are spent on what goes into it.
 *
 * @throws `ERR_INPUT` when it cannot be made or written to, or the file's own name is that of a folder
 */
export function prepareFile(path: string): void {
  makeFolder(dirname(path));
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw wrong(path, 'the file to be writable', 'a folder');
}

const pictureEnds = ['.png', '.jpg', '.jpeg', '.webp', '.avif'];

/** The same for a picture, whose end has to say its format. */
export function preparePictureFile(path: string): void {
  const end = extname(path).toLowerCase();
  if (!pictureEnds.includes(end))
    throw wrong(path, `its end to be one of ${pictureEnds.join(', ')}`, end === '' ? 'none' : end);
  prepareFile(path);
}

const wrong = (path: string, expected: string, got: string): StylearError =>
  new StylearError('ERR_INPUT', `${path}: expected ${expected}, got ${got}`);

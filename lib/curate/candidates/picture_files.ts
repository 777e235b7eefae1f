import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StylearError } from '../../error.ts';

/** A picture beside the text that says what it shows: KEY.png and KEY.txt. */
export interface CaptionedFile {
  readonly picture: string;
  readonly text: string;
}

/**
 * The pictures of a folder by their names: `.png`, `.jpg`, `.jpeg`, `.webp` and `.avif`.
 *
 * Throws `ERR_INPUT` when there is no such folder.
 */
export function pictureFiles(folder: string): CaptionedFile[] {
  return namesIn(folder)
    .filter((name) => pictureName.test(name))
    .map((name) => {
      const picture = join(folder, name);
      return { picture, text: picture.replace(pictureName, '.txt') };
    });
}

const pictureName = /\.(?:png|jpe?g|webp|avif)$/i;

/** The names in a folder, sorted. Throws `ERR_INPUT` when there is no such folder. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (cause) {
    const got = (cause as Error).message;
    throw new StylearError('ERR_INPUT', `${folder}: expected a folder of pictures, got ${got}`, {
      cause,
    });
  }
}

/** The text of a file, without white space around it. Throws `ERR_INPUT` where there is none. */
export function textOf(path: string): string {
  const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  if (text !== '') return text;
  throw new StylearError('ERR_INPUT', `${path}: expected it to be a text, got nothing`);
}

/** Names files by their names, sizes and times. */
export function listingIdentity(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path}\0${size}\0${mtimeMs}\0`);
  }
  return hash.digest('hex').slice(0, 16);
}

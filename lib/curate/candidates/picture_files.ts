import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { StylearError } from '../../error.ts';
import { fingerprint } from '../../weights/fingerprint.ts';

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

/**
 * The text of a file, without white space around it.
 *
 * Throws `ERR_INPUT` where there is none, or bytes that are not UTF-8.
 */
export function textOf(path: string): string {
  const text = decoded(path, bytesOf(path)).trim();
  if (text !== '') return text;
  throw new StylearError('ERR_INPUT', `${path}: expected it to be a text, got nothing`);
}

function decoded(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const message = `${path}: expected it to be UTF-8, got other bytes`;
    throw new StylearError('ERR_INPUT', message, { cause });
  }
}

function bytesOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    const got = (cause as Error).message;
    throw new StylearError('ERR_INPUT', `${path}: expected the file to be readable, got ${got}`, {
      cause,
    });
  }
}

/** Names captioned files by their names in a folder and by what is in them, wherever that folder lies. */
export function listingIdentity(folder: string, files: readonly CaptionedFile[]): string {
  const paths = files.flatMap(({ picture, text }) => [picture, text]);
  const hash = createHash('sha256');
  for (const path of paths) hash.update(`${relative(folder, path)}\0`);
  // Of a picture without a text it is told where it would be read.
  return hash
    .update(fingerprint(paths.filter(existsSync)))
    .digest('hex')
    .slice(0, 16);
}

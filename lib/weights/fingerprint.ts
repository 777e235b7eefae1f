import { createHash, type Hash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StylearError } from '../error.ts';
import { type ByteSource, readingFile } from './byte_source.ts';

/** Bytes of the beginning of a file that are looked at: the header of most, and all of a config. */
const beginBytes = 2 ** 16;
/** Places in the rest of it, and bytes at each. */
const samples = 64;
const sampleBytes = 2 ** 10;

/**
 * A name for the content of files: 16 hexadecimal digits. Large files are not read whole, which would
 * take as long as to use them: sizes, beginnings and 64 samples of each are looked at.
 *
 * Throws `ERR_INPUT` or `ERR_WEIGHTS` when one of them cannot be read.
 *
 * @param paths  files, or folders, of which the files are taken in order of their names
 */
export function fingerprint(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) for (const file of filesOf(path)) addFile(hash, file);
  return hash.digest('hex').slice(0, 16);
}

/** What stands for files where it is told of what something was made: wherever they lie, it is the same. */
export const contentOfFiles = (paths: readonly string[]): { readonly content: string } => {
  return { content: fingerprint(paths) };
};

/** The file of a path, or those of a folder in order of their names. */
function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const files = readdirSync(path).sort();
    return files.map((name) => join(path, name)).filter((file) => statSync(file).isFile());
  } catch (cause) {
    const got = (cause as Error).message;
    throw new StylearError('ERR_INPUT', `${path}: expected the file to be readable, got ${got}`, {
      cause,
    });
  }
}

const addFile = (hash: Hash, path: string): void =>
  readingFile(path, (source) => addBytes(hash, source));

function addBytes(hash: Hash, source: ByteSource): void {
  const { bytes } = source;
  hash.update(`${bytes};`).update(source.read(0, Math.min(bytes, beginBytes)));
  if (bytes <= beginBytes) return;
  for (let i = 1; i <= samples; i++) {
    const length = Math.min(sampleBytes, bytes);
    hash.update(source.read(Math.floor(((bytes - length) * i) / samples), length));
  }
}

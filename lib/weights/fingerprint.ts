import { createHash, type Hash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openFile } from './byte_source.ts';

/** Bytes of the beginning of a file that are looked at: the header of most, and all of a config. */
const beginBytes = 2 ** 16;
/** Places in the rest of it, and bytes at each. */
const samples = 64;
const sampleBytes = 2 ** 10;

/**
 * A name for the content of files: 16 hexadecimal digits. Large files are not read whole, which would
 * take as long as to use them: sizes, beginnings and 64 samples of each are looked at.
 *
 * @param paths  files, or folders, of which the files are taken in order of their names
 */
export function fingerprint(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) {
    if (!statSync(path).isDirectory()) {
      addFile(hash, path);
      continue;
    }
    for (const name of readdirSync(path).sort()) {
      const file = join(path, name);
      if (statSync(file).isFile()) addFile(hash, file);
    }
  }
  return hash.digest('hex').slice(0, 16);
}

function addFile(hash: Hash, path: string): void {
  using source = openFile(path);
  const { bytes } = source;
  hash.update(`${bytes};`).update(source.read(0, Math.min(bytes, beginBytes)));
  if (bytes <= beginBytes) return;
  for (let i = 1; i <= samples; i++) {
    const length = Math.min(sampleBytes, bytes);
    hash.update(source.read(Math.floor(((bytes - length) * i) / samples), length));
  }
}

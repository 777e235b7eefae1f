import { createHash, type Hash } from 'node:crypto';
import type { ByteSource } from '../weights/byte_source.ts';
import { openInput } from './shard_error.ts';
import { shardFiles } from './shards.ts';
import { tarMembers } from './tar_reader.ts';

/** Files that are small, and in which a word or a token may be another and all else the same. */
const readWhole = /\.(?:txt|json|ids)$/i;
/** At the beginning, in the middle and at the end of every other file. */
const sampleBytes = 512;

/**
 * What stands for shards where it is told of what something was made: 16 hexadecimal digits, the same
 * wherever they lie. Indices, names, sizes, texts and tokens are taken whole; of pictures, which are
 * other bytes everywhere when anything about them is another, 512 bytes at three places. So it takes a
 * read or a few for each file, and not the time to read the shards.
 *
 * Throws `ERR_INPUT` when one of them cannot be read, or is not a strict archive.
 *
 * @param paths  each an index (`.json`), or a `.tar`
 */
export function contentOfShards(paths: readonly string[]): { readonly content: string } {
  const hash = createHash('sha256');
  for (const path of shardFiles(paths)) {
    using source = openInput(path);
    hash.update(`${source.bytes};`);
    if (path.endsWith('.json')) hash.update(source.read(0, source.bytes));
    else addArchive(hash, source);
  }
  return { content: hash.digest('hex').slice(0, 16) };
}

function addArchive(hash: Hash, source: ByteSource): void {
  for (const { name, offset, bytes } of tarMembers(source)) {
    hash.update(`${name};${bytes};`);
    if (readWhole.test(name) || bytes <= 3 * sampleBytes) {
      hash.update(source.read(offset, bytes));
      continue;
    }
    const last = bytes - sampleBytes;
    for (const at of [0, Math.floor(last / 2), last])
      hash.update(source.read(offset + at, sampleBytes));
  }
}

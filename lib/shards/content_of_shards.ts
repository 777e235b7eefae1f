import { createHash, type Hash } from 'node:crypto';
import type { ByteSource } from '../weights/byte_source.ts';
import { openInput } from './shard_error.ts';
import { shardFiles } from './shards.ts';
import { eachTarMember } from './tar_reader.ts';

/** Files that are small, and in which a word or a token may be another and all else the same. */
const readWhole = /\.(?:txt|json|ids)$/i;
/** At the beginning and at the end of every other file. */
const sampleBytes = 512;
/** That are read at once: the end of a file, and with it the headers and small files behind it. */
const windowBytes = 2 ** 12;

/**
 * What stands for shards where it is told of what something was made: 16 hexadecimal digits, the same
 * wherever they lie. Indices, names, sizes, texts and tokens are taken whole; of pictures, whose last bytes
 * are others when anything about them is, the first and the last 512 bytes. So it takes a few reads for each
 * sample, and not the time to read the shards.
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

function addArchive(hash: Hash, archive: ByteSource): void {
  const source = inWindows(archive);
  for (const { name, offset, bytes } of eachTarMember(source)) {
    hash.update(`${name};${bytes};`);
    if (readWhole.test(name) || bytes <= 2 * sampleBytes) {
      hash.update(source.read(offset, bytes));
      continue;
    }
    hash.update(source.read(offset, sampleBytes));
    hash.update(source.read(offset + bytes - sampleBytes, sampleBytes));
  }
}

/** Reads what lies close together at once. */
function inWindows({ path, bytes, read }: ByteSource): ByteSource {
  let begin = 0;
  let window: Buffer = Buffer.alloc(0);
  return {
    ...{ path, bytes },
    read(offset, length) {
      if (offset < begin || offset + length > begin + window.length) {
        begin = offset;
        window = read(offset, Math.max(length, Math.min(windowBytes, bytes - offset)));
      }
      return window.subarray(offset - begin, offset - begin + length);
    },
  };
}

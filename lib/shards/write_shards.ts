import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from '../make_folder.ts';
import { flushFolder, replaceFile } from '../replace_file.ts';
import { shardError } from './shard_error.ts';
import type { Sample, ShardIndex } from './shards.ts';
import { tarBlock, tarEnd, tarEntry } from './tar.ts';

/** How samples are divided among archives. */
export interface WriteSampleShardsOptions {
  /** That one archive has at most, unless a single sample has more; 256 MiB unless told. */
  readonly shardBytes?: number | undefined;
}

/**
 * Writes samples as `STEM-00000.tar` and so on, and `STEM.index.json`, which comes last: while it is
 * there the shards are whole. Those that stood there before stay as they are until the first new one is
 * whole. The folder is made, and freed of what an earlier run of these shards had begun when it was
 * killed. The same samples give the same bytes.
 *
 * Throws `ERR_INPUT` for a key or an extension that no reader would give back, and when the file system
 * refuses.
 *
 * @param stem  a path without an extension; what stood there before is replaced
 * @returns     what the index says
 */
export async function writeSampleShards(
  stem: string,
  samples: Iterable<Sample> | AsyncIterable<Sample>,
  { shardBytes = 2 ** 28 }: WriteSampleShardsOptions = {},
): Promise<ShardIndex> {
  const indexPath = `${stem}.index.json`;
  prepareFolder(stem);
  const shards: ShardIndex['shards'] = [];
  const keys = new Set<string>();
  const source = asyncIterator(samples);
  let next = await source.next();
  while (!next.done) {
    const path = `${stem}-${`${shards.length}`.padStart(5, '0')}.tar`;
    const shard: ShardIndex['shards'][0] = { file: basename(path), bytes: 0, samples: [] };
    await replaceFile(path, 'ERR_INPUT', async (write) => {
      for (; !next.done; next = await source.next()) {
        const sample = next.value;
        const entries = entriesOf(path, sample);
        const bytes = entries.reduce((sum, { entry }) => sum + entry.length, 0);
        const full = shard.bytes + bytes + tarEnd.length > shardBytes;
        if (full && shard.samples.length > 0) break;
        if (keys.has(sample.key))
          throw shardError(path, 'keys', 'different', `${sample.key} twice`);
        keys.add(sample.key);
        const files: ShardIndex['shards'][0]['samples'][0][1] = [];
        for (const { extension, entry, content } of entries) {
          files.push([extension, shard.bytes + tarBlock, content]);
          write(entry);
          shard.bytes += entry.length;
        }
        shard.samples.push([sample.key, files]);
      }
      write(tarEnd);
      // The index speaks of what this one is about to replace.
      if (shards.length === 0) removeIndex(indexPath);
      shard.bytes += tarEnd.length;
    });
    shards.push(shard);
  }
  const index: ShardIndex = { format: 'stylear-shards', version: 1, shards };
  await replaceFile(indexPath, 'ERR_INPUT', (write) => write(Buffer.from(JSON.stringify(index))));
  removeOthers(stem, index);
  return index;
}

/** Archives of an earlier run that had more of them: other readers take all that are of the name. */
function removeOthers(stem: string, { shards }: ShardIndex): void {
  const folder = dirname(stem);
  const name = basename(stem);
  const written = new Set(shards.map(({ file }) => file));
  for (const file of readdirSync(folder)) {
    const ofStem = file.startsWith(name) && /^-\d{5,}\.tar$/.test(file.slice(name.length));
    if (ofStem && !written.has(file)) rmSync(join(folder, file));
  }
}

function prepareFolder(stem: string): void {
  const folder = dirname(stem);
  makeFolder(folder);
  const begun = /^(?:-\d{5,}\.tar|\.index\.json)\.[0-9a-f-]{36}\.tmp$/;
  const name = basename(stem);
  for (const found of readdirSync(folder))
    if (found.startsWith(name) && begun.test(found.slice(name.length)))
      rmSync(join(folder, found), { force: true });
}

function removeIndex(path: string): void {
  rmSync(path, { force: true });
  flushFolder(dirname(path));
}

/** Whether files of a key and an extension can be written, so that every reader gives them back. */
export function isWritable(key: string, extension: string): boolean {
  const name = `${key}.${extension}`;
  return (
    /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+$/.test(name) && !key.includes('.') && name.length <= 100
  );
}

function entriesOf(path: string, { key, files }: Sample) {
  return [...files].map(([extension, content]) => {
    const name = `${key}.${extension}`;
    if (!isWritable(key, extension))
      throw shardError(
        path,
        'the name of a file',
        'letters, digits, - and _, a dot and an extension, 100 at most',
        JSON.stringify(name),
      );
    return { extension, entry: tarEntry(name, content), content: content.length };
  });
}

function asyncIterator<T>(values: Iterable<T> | AsyncIterable<T>): AsyncIterator<T> {
  if (Symbol.asyncIterator in values) return values[Symbol.asyncIterator]();
  const iterator = values[Symbol.iterator]();
  return { next: async () => iterator.next() };
}

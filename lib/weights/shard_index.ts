import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type OpenFile, openFile, quoted, readingFile, weightsError } from './byte_source.ts';
import type { Safetensors } from './safetensors.ts';
import { parseJsonObject } from './strict_json.ts';
import { readTensors } from './tensor_file.ts';

const maxIndexBytes = 100_000_000;

/** One of several files of a checkpoint, open. */
export interface Shard extends Safetensors {
  /** The file, which whoever called `openShards` closes. */
  readonly source: OpenFile;
}

/** Where the files of an index may lie. */
export interface OpenShardsOptions {
  /**
   * Whether a name may be that of a link out of the folder, as in a cache of downloads whose folders
   * link to files stored by their checksums; false unless told. Whoever names a folder means its
   * links, whoever names an index does not mean what it may lead to.
   */
  readonly followLinks?: boolean | undefined;
}

/**
 * The files that a `model.safetensors.index.json` names, or that of a `pytorch_model.bin`, open. Each
 * name is that of a file in the folder of the index, and each tensor is in the file that the index
 * gives for it and in no other.
 */
export function openShards(
  indexPath: string,
  { followLinks = false }: OpenShardsOptions = {},
): Shard[] {
  const fileOf = readIndex(indexPath);
  const folder = realpathSync(dirname(indexPath));
  const shards = new Map<string, Shard>();
  try {
    for (const file of new Set(fileOf.values())) {
      const source = openFile(pathOf(indexPath, folder, file, followLinks));
      try {
        shards.set(file, { ...readTensors(source, file), source });
      } catch (error) {
        source.close();
        throw error;
      }
    }
    requireOnce(indexPath, fileOf, shards);
  } catch (error) {
    for (const shard of shards.values()) shard.source.close();
    throw error;
  }
  return [...shards.values()];
}

/** @returns the file name of each tensor */
function readIndex(path: string): ReadonlyMap<string, string> {
  const map = readingFile(path, (source) => {
    if (source.bytes > maxIndexBytes) {
      throw weightsError(path, 'the index', `at most ${maxIndexBytes} bytes`, `${source.bytes}`);
    }
    return parseJsonObject(source, 'the index', 0, source.bytes).get('weight_map');
  });
  if (!(map instanceof Map)) {
    throw weightsError(path, 'weight_map', 'an object', 'something else');
  }
  const fileOf = new Map<string, string>();
  for (const [name, file] of map) {
    if (typeof file !== 'string') {
      throw weightsError(path, `the file of tensor ${quoted(name)}`, 'a string', 'something else');
    }
    fileOf.set(name, file);
  }
  return fileOf;
}

function pathOf(indexPath: string, folder: string, file: string, followLinks: boolean): string {
  if (file === '' || file === '.' || file === '..' || /[/\\\0]/.test(file)) {
    const expected = 'names without separators';
    throw weightsError(indexPath, 'the files of weight_map', expected, quoted(file));
  }
  let real: string;
  try {
    real = realpathSync(join(folder, file));
  } catch (cause) {
    const expected = `a file beside ${indexPath}`;
    throw weightsError(join(folder, file), 'the shard', expected, 'no such file', { cause });
  }
  if (!followLinks && dirname(real) !== folder) {
    const expected = `inside the folder ${folder}`;
    throw weightsError(indexPath, `the shard ${quoted(file)}`, expected, `a link to ${real}`, {
      advice: 'Open the folder instead of the index if its links are yours.',
    });
  }
  return real;
}

function requireOnce(
  indexPath: string,
  fileOf: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, Shard>,
): void {
  for (const [name, file] of fileOf) {
    if (shards.get(file)?.tensors.has(name)) continue;
    throw weightsError(indexPath, `tensor ${quoted(name)}`, `in ${file}`, 'no such tensor there');
  }
  for (const [file, { tensors }] of shards) {
    for (const name of tensors.keys()) {
      if (fileOf.get(name) === file) continue;
      const expected = `in ${fileOf.get(name) ?? 'no file'}, as the index says`;
      throw weightsError(indexPath, `tensor ${quoted(name)}`, expected, `one in ${file}`);
    }
  }
}

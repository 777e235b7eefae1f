// Which file of a checkpoint folder holds its weights, by the names that transformers gives them.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { quoted, weightsError } from './byte_source.ts';

/** Of those that are there the first is taken. */
const names = [
  'model.safetensors.index.json',
  'model.safetensors',
  'pytorch_model.bin.index.json',
  'pytorch_model.bin',
] as const;

/** What else may hold weights: such files are not passed over as if the folder had none. */
const isOfWeights = (name: string): boolean =>
  /\.(?:safetensors|bin|pth|pt|ckpt|h5|msgpack|gguf)(?:\.index\.json)?$/.test(name);

/** Whether a path is that of a folder; throws `ERR_WEIGHTS` where it cannot be looked at. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (cause) {
    throw weightsError(path, 'the path', 'readable', (cause as Error).message, { cause });
  }
}

/**
 * The path of a folder's weights: `model.safetensors` or its index, else `pytorch_model.bin` or its
 * index; undefined where the folder has no weights at all.
 *
 * Throws `ERR_WEIGHTS` where it has weights under other names alone, such as shards without an index.
 */
export function weightsOfFolder(folder: string): string | undefined {
  let files: string[];
  try {
    files = readdirSync(folder);
  } catch (cause) {
    throw weightsError(folder, 'the folder', 'readable', (cause as Error).message, { cause });
  }
  const name = names.find((name) => files.includes(name));
  if (name) return join(folder, name);
  const other = files.filter(isOfWeights).sort()[0];
  if (other === undefined) return undefined;
  const isShard = /-\d+-of-\d+\./.test(other);
  throw weightsError(folder, 'its weights', `in ${nameList}`, `${quoted(other)} without these`, {
    advice: isShard
      ? 'Download the index of the shards too.'
      : 'Rename it if it is such a file, or name the file instead of the folder.',
  });
}

/** Throws `ERR_WEIGHTS` where a folder has no weights, too; see `weightsOfFolder`. */
export function requireWeights(folder: string): string {
  const path = weightsOfFolder(folder);
  if (path !== undefined) return path;
  throw weightsError(folder, 'the folder', `one with ${nameList}`, 'none of these');
}

const nameList = 'model.safetensors, pytorch_model.bin or the index of one';

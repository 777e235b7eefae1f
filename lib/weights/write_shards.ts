import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { StylearError } from '../error.ts';
import { replaceFile } from '../replace_file.ts';
import { bytesToWrite, type TensorToWrite, writeSafetensors } from './write_safetensors.ts';

/** How tensors are divided among files. */
export interface WriteShardsOptions {
  /** Of tensors in one file; 5 * 10^9 unless told. */
  readonly maxShardBytes?: number | undefined;
}

/** What was written. */
export interface WrittenShards {
  /** One, or the shards and then their index. */
  readonly files: readonly string[];
  /** Of all tensors. */
  readonly bytes: number;
}

type Tensors = ReadonlyMap<string, TensorToWrite>;

/**
 * Writes tensors as one safetensors file or, where they are too many bytes for one, as several with an
 * index, which is written last.
 *
 * Rejects with `ERR_INPUT` when there is an index already: of two sets of shards under the same names
 * an interruption would leave a mixture.
 *
 * @param output  the `.safetensors` to be written; several are `<name>-00001-of-00002.safetensors` and
 *                `<name>.safetensors.index.json` beside them
 */
export async function writeShards(
  output: string,
  tensors: ReadonlyMap<string, TensorToWrite>,
  { maxShardBytes = 5e9 }: WriteShardsOptions = {},
): Promise<WrittenShards> {
  const index = `${output}.index.json`;
  const wrong = (expected: string, got: string) =>
    new StylearError('ERR_INPUT', `${output}: expected the output to be ${expected}, got ${got}`);
  if (!output.endsWith('.safetensors')) throw wrong('named *.safetensors', 'another name');
  if (!(maxShardBytes > 0)) throw wrong('in shards of more than 0 bytes', `${maxShardBytes}`);
  if (existsSync(index)) throw wrong('new', `one with an index. Remove ${index} and its shards.`);
  const sizes = [...tensors].map(([name, tensor]) => bytesToWrite(output, name, tensor));
  const shards = shardsOf(tensors, sizes, maxShardBytes);
  const name = (i: number) => (shards.length === 1 ? output : shardName(output, i, shards.length));
  const files = shards.map((_, i) => name(i));
  // What transformers wants to see.
  const metadata = { format: 'pt' };
  for (const [i, shard] of shards.entries()) await writeSafetensors(files[i]!, shard, metadata);
  const bytes = sizes.reduce((sum, one) => sum + one, 0);
  if (shards.length === 1) return { files, bytes };
  const content = indexOf(files, shards, bytes);
  await replaceFile(index, 'ERR_WEIGHTS', (write) => write(content));
  return { files: [...files, index], bytes };
}

/** In their order, as many in each as fit. */
function shardsOf(tensors: Tensors, sizes: readonly number[], most: number): Tensors[] {
  let last = new Map<string, TensorToWrite>();
  const shards = [last];
  let used = 0;
  for (const [i, [name, tensor]] of [...tensors].entries()) {
    if (used > 0 && used + sizes[i]! > most) {
      last = new Map();
      shards.push(last);
      used = 0;
    }
    last.set(name, tensor);
    used += sizes[i]!;
  }
  return shards;
}

function shardName(output: string, i: number, count: number): string {
  const number = (n: number) => `${n}`.padStart(5, '0');
  const stem = output.slice(0, -'.safetensors'.length);
  return `${stem}-${number(i + 1)}-of-${number(count)}.safetensors`;
}

function indexOf(files: readonly string[], shards: readonly Tensors[], bytes: number): Buffer {
  // Written piece by piece: an object's own order puts keys that look like numbers first.
  const places = shards.flatMap((shard, i) =>
    [...shard.keys()].map(
      (name) => `${JSON.stringify(name)}:${JSON.stringify(basename(files[i]!))}`,
    ),
  );
  return Buffer.from(`{"metadata":{"total_size":${bytes}},"weight_map":{${places.join(',')}}}\n`);
}

import { isUint8Array } from 'node:util/types';
import { replaceFile } from '../replace_file.ts';
import { quoted, weightsError } from './byte_source.ts';
import { countOf, maxRank, type StoredDtype, storedBytes } from './stored_tensor.ts';

/** A tensor to be written. */
export interface TensorToWrite {
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** Its elements, little-endian, row-major; asked for when it is their turn. */
  readonly elements: () => Elements | Promise<Elements>;
}

/** All at once, or in pieces one after the other. */
export type Elements = Uint8Array | Generator<Uint8Array>;

/**
 * Writes a safetensors file. Whatever interrupts it, the path has the old content or the new.
 *
 * The same tensors give the same bytes: they are laid down by falling element size, so that each is
 * aligned, and by name.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const inOrder = [...tensors].sort(
    ([a, x], [b, y]) => storedBytes[y.dtype] - storedBytes[x.dtype] || (a < b ? -1 : 1),
  );
  const sizes = inOrder.map(([name, tensor]) => bytesToWrite(path, name, tensor));
  const header = headerOf(inOrder, sizes, metadata);
  await replaceFile(path, 'ERR_WEIGHTS', async (write) => {
    write(header);
    for (const [i, [name, tensor]] of inOrder.entries()) {
      const elements = await tensor.elements();
      let bytes = 0;
      for (const piece of isUint8Array(elements) ? [elements] : elements) {
        bytes += piece.length;
        if (bytes <= sizes[i]!) write(piece);
      }
      if (bytes !== sizes[i]) {
        const what = `the elements of tensor ${quoted(name)}`;
        throw weightsError(path, what, `${sizes[i]} bytes`, `${bytes}`);
      }
    }
  });
}

/** Of all elements. Throws `ERR_WEIGHTS` for a tensor that the format cannot hold. */
export function bytesToWrite(
  path: string,
  name: string,
  { dtype, shape }: Pick<TensorToWrite, 'dtype' | 'shape'>,
): number {
  const count = countOf(shape);
  if (name === '__metadata__' || count === undefined || shape.length > maxRank) {
    const got = `${quoted(name)} of shape [${shape.join(', ')}]`;
    throw weightsError(path, 'a tensor', `named and shaped as safetensors allows`, got);
  }
  return count * storedBytes[dtype];
}

function headerOf(
  tensors: readonly (readonly [string, TensorToWrite])[],
  sizes: readonly number[],
  metadata: Readonly<Record<string, string>>,
): Buffer {
  // Written piece by piece: an object's own order puts keys that look like numbers first.
  const about = Object.keys(metadata).sort();
  const entries = about.length
    ? [`"__metadata__":{${about.map((key) => pair(key, metadata[key])).join(',')}}`]
    : [];
  let offset = 0;
  tensors.forEach(([name, { dtype, shape }], i) => {
    const end = offset + sizes[i]!;
    entries.push(pair(name, { dtype, shape, data_offsets: [offset, end] }));
    offset = end;
  });
  const json = Buffer.from(`{${entries.join(',')}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const header = Buffer.alloc(8 + padded, ' ');
  header.writeBigUInt64LE(BigInt(padded));
  json.copy(header, 8);
  return header;
}

const pair = (key: string, value: unknown): string =>
  `${JSON.stringify(key)}:${JSON.stringify(value)}`;

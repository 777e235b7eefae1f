import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { quoted, weightsError } from './byte_source.ts';
import { countOf, maxRank, type StoredDtype, storedBytes } from './stored_tensor.ts';

/** A tensor to be written. */
export interface TensorToWrite {
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** Its elements, little-endian, row-major; asked for when it is their turn. */
  readonly elements: () => Uint8Array | Promise<Uint8Array>;
}

/**
 * Writes a safetensors file. Whatever interrupts it, the path has the old content or the new: the
 * file is written under another name beside it, flushed to the disk and renamed.
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
  const sizes = inOrder.map(([name, tensor]) => bytesOf(path, name, tensor));
  const header = headerOf(inOrder, sizes, metadata);
  await replaceFile(path, async (write) => {
    write(header);
    for (const [i, [name, tensor]] of inOrder.entries()) {
      const elements = await tensor.elements();
      if (elements.length !== sizes[i]) {
        const what = `the elements of tensor ${quoted(name)}`;
        throw weightsError(path, what, `${sizes[i]} bytes`, `${elements.length}`);
      }
      write(elements);
    }
  });
}

function bytesOf(path: string, name: string, { dtype, shape }: TensorToWrite): number {
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

/** Calls `body` with what appends to a new file, which takes the place of `path` in the end. */
async function replaceFile(
  path: string,
  body: (write: (bytes: Uint8Array) => void) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  const fd = attempt(path, () => openSync(temporary, 'wx'));
  try {
    try {
      await body((bytes) => attempt(path, () => writeAll(fd, bytes)));
      attempt(path, () => fsyncSync(fd));
    } finally {
      closeSync(fd);
    }
    attempt(path, () => renameSync(temporary, path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  attempt(path, () => flushFolder(dirname(path)));
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(fd, bytes, at, Math.min(bytes.length - at, 2 ** 30));
  }
}

/** Makes the names in a folder last. */
function flushFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** What the file system refuses, as an error that names the file. */
function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw weightsError(path, 'the file', 'writable', (cause as Error).message, { cause });
  }
}

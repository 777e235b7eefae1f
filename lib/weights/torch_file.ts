import { type ByteSource, isCount, quoted, weightsError } from './byte_source.ts';
import { readPickle } from './pickle.ts';
import { PickleCursor } from './pickle_cursor.ts';
import { PickleDict, PickleList, PickleTuple, type PickleValue } from './pickle_value.ts';
import {
  countOf,
  denseStrides,
  type StoredTensor,
  type StoredTensors,
  storedBytes,
} from './stored_tensor.ts';
import { TorchBuilder, type TorchStorage, TorchStorageView, TorchTensor } from './torch_values.ts';
import { readZip, type ZipEntry } from './zip.ts';

const maxPickleBytes = 256 * 2 ** 20;
const maxDepth = 256;
const maxVisits = 1_000_000;
const maxNameLength = 4096;
/** Tied weights are there twice, by two names; a few bytes must not be a million tensors of all. */
const maxSharing = 8;

/**
 * Where the tensors of a file of `torch.save` are: a zip archive, or a row of pickles as before torch
 * 1.6. Nothing in the file is executed; see `readPickle`.
 *
 * Tensors are named by the keys of the dicts they are in, joined by dots; of a checkpoint that has a
 * `state_dict`, only those in it are read. What else there is (epochs, settings) is passed over.
 *
 * Throws `ERR_WEIGHTS` for names outside of the allow-list and for whatever lies outside of the file.
 */
export function readTorchFile(source: ByteSource): StoredTensors {
  const root = isZip(source) ? readArchive(source) : readLegacy(source);
  const tensors = nameTensors(source.path, root);
  const bytes = [...tensors.values()].reduce((sum, tensor) => sum + tensor.bytes, 0);
  if (bytes > maxSharing * source.bytes) {
    const expected = `of at most ${maxSharing} times the bytes of the file`;
    throw weightsError(source.path, 'the tensors', expected, `${bytes} of ${source.bytes}`);
  }
  return { path: source.path, tensors };
}

const isZip = (source: ByteSource): boolean =>
  source.bytes >= 4 && source.read(0, 4).readUInt32LE() === 0x04034b50;

function readArchive(source: ByteSource): PickleValue {
  const { path } = source;
  const entries = readZip(source);
  const found = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [name] = found;
  if (name === undefined || found.length > 1) {
    const got = found.length ? 'several' : 'none';
    throw weightsError(path, 'the archive', 'one with a data.pkl in its folder', got);
  }
  const folder = name.slice(0, -'data.pkl'.length);
  for (const entry of entries.keys()) {
    if (!entry.startsWith(folder)) {
      throw weightsError(path, 'the archive', `all in ${folder}`, quoted(entry));
    }
  }
  requireLittleEndian(source, entries.get(`${folder}byteorder`));
  const { offset, bytes } = entries.get(name)!;
  if (bytes > maxPickleBytes) {
    throw weightsError(path, 'data.pkl', `at most ${maxPickleBytes} bytes`, `${bytes}`);
  }
  const builder = new TorchBuilder(path);
  const storages = new Map<string, TorchStorage>();
  const cursor = new PickleCursor(source, 'data.pkl', offset, offset + bytes);
  const root = readPickle(cursor, {
    globals: builder.globals,
    persistent(id) {
      const { storage, view } = builder.storageId(id);
      if (view) throw weightsError(path, 'a storage', 'whole', 'a view of another');
      const known = sameStorage(path, storages, storage);
      if (known.offset === undefined) {
        const entry = entries.get(`${folder}data/${storage.key}`);
        if (entry?.bytes !== storage.bytes) {
          const got = entry ? `${entry.bytes} bytes` : 'no such entry';
          const what = `storage ${quoted(storage.key)}`;
          throw weightsError(path, what, `an entry of ${storage.bytes} bytes`, got);
        }
        known.offset = entry.offset;
      }
      return known;
    },
  });
  if (cursor.at !== offset + bytes) {
    throw weightsError(path, 'data.pkl', `over at byte ${cursor.at}`, 'more bytes');
  }
  return root;
}

function requireLittleEndian(source: ByteSource, entry: ZipEntry | undefined): void {
  if (!entry) return;
  const order = source.read(entry.offset, Math.min(entry.bytes, 16)).toString('latin1');
  if (order !== 'little') {
    throw weightsError(source.path, 'the byte order', 'little', quoted(order));
  }
}

/** The storage of that key; a pickle names it again for each tensor in it. */
function sameStorage(
  path: string,
  storages: Map<string, TorchStorage>,
  storage: TorchStorage,
): TorchStorage {
  const known = storages.get(storage.key);
  if (!known) {
    storages.set(storage.key, storage);
    return storage;
  }
  if (known.dtype !== storage.dtype || known.bytes !== storage.bytes) {
    const what = `storage ${quoted(storage.key)}`;
    throw weightsError(path, what, `${known.bytes} bytes of one type`, 'another claim');
  }
  return known;
}

const legacyMagic = 0x1950a86a20f9469cfc6cn;

/**
 * The older form: a magic number, a version, facts of the machine, the object, the keys of the
 * storages, each a pickle; then each storage, its count of elements before it.
 */
function readLegacy(source: ByteSource): PickleValue {
  const { path } = source;
  if (source.bytes < 2 || source.read(0, 1)[0] !== 0x80) {
    const isTar = source.bytes > 262 && source.read(257, 5).toString('latin1') === 'ustar';
    const got = isTar ? 'a tar archive, as before torch 0.1.10' : 'something else';
    const advice = 'Load it with torch and save it again.';
    throw weightsError(path, 'the file', 'one of torch.save', got, isTar ? { advice } : {});
  }
  const builder = new TorchBuilder(path);
  const cursor = new PickleCursor(source, 'the pickle', 0, source.bytes);
  const plain = (): PickleValue =>
    readPickle(cursor, {
      globals: new Map(),
      persistent: () => {
        throw weightsError(path, 'a persistent id', 'in the third pickle', 'one elsewhere');
      },
    });
  const magic = plain();
  if (magic !== legacyMagic) {
    throw weightsError(path, 'the magic number', 'that of torch.save', 'another value');
  }
  const version = plain();
  if (version !== 1001) {
    throw weightsError(
      path,
      'the version',
      '1001',
      typeof version === 'number' ? `${version}` : 'another value',
    );
  }
  const machine = plain();
  if (!(machine instanceof PickleDict) || machine.items.get('little_endian') !== true) {
    throw weightsError(path, 'the byte order', 'little', 'another');
  }
  const storages = new Map<string, TorchStorage>();
  const root = readPickle(cursor, {
    globals: builder.globals,
    persistent(id) {
      const { storage, view } = builder.storageId(id);
      const known = sameStorage(path, storages, storage);
      return view ? storageView(path, known, view) : known;
    },
  });
  placeStorages(source, cursor, storages, plain());
  return root;
}

function storageView(
  path: string,
  storage: TorchStorage,
  [key, begin, count]: readonly PickleValue[],
): TorchStorageView {
  const held = storage.bytes / (storage.dtype ? storedBytes[storage.dtype] : 1);
  if (typeof key === 'string' && isCount(begin) && isCount(count) && begin + count <= held) {
    return new TorchStorageView(storage, begin, count);
  }
  const what = `a view of storage ${quoted(storage.key)}`;
  throw weightsError(path, what, `inside its ${held} elements`, 'another');
}

function placeStorages(
  source: ByteSource,
  cursor: PickleCursor,
  storages: ReadonlyMap<string, TorchStorage>,
  keys: PickleValue,
): void {
  const { path } = source;
  if (!(keys instanceof PickleList) || keys.items.length !== storages.size) {
    throw weightsError(path, 'the storage keys', `a list of ${storages.size}`, 'another value');
  }
  let at = cursor.at;
  for (const key of keys.items) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage?.offset !== undefined || !storage) {
      const got = typeof key === 'string' ? quoted(key) : 'no string';
      throw weightsError(path, 'the storage keys', 'those of the tensors, once each', got);
    }
    const count = storage.bytes / (storage.dtype ? storedBytes[storage.dtype] : 1);
    const stated = at + 8 <= source.bytes ? source.read(at, 8).readBigInt64LE() : undefined;
    if (stated !== BigInt(count) || storage.bytes > source.bytes - at - 8) {
      const expected = `${count} elements in the file`;
      const got = stated === undefined ? 'the end' : `${stated}`;
      throw weightsError(path, `storage ${quoted(storage.key)}`, expected, got);
    }
    storage.offset = at + 8;
    at += 8 + storage.bytes;
  }
  if (at !== source.bytes) {
    throw weightsError(path, 'the file', `${at} bytes`, `${source.bytes}`);
  }
}

/** The tensors of a value by their path in it. */
function nameTensors(path: string, root: PickleValue): ReadonlyMap<string, StoredTensor> {
  const inner = root instanceof PickleDict ? root.items.get('state_dict') : undefined;
  const top = inner instanceof PickleDict ? inner : root;
  if (!(top instanceof PickleDict)) {
    throw weightsError(path, 'the file', 'a dict of tensors', 'another value');
  }
  const tensors = new Map<string, StoredTensor>();
  let visits = 0;
  const visit = (value: PickleValue, name: string, depth: number): void => {
    // Containers may hold each other many times over, or themselves.
    if (++visits > maxVisits || depth > maxDepth) {
      const most = `at most ${maxVisits} values, ${maxDepth} deep`;
      throw weightsError(path, 'the pickled object', most, 'more');
    }
    if (name.length > maxNameLength) {
      throw weightsError(path, 'a name', `at most ${maxNameLength} characters`, quoted(name));
    }
    if (value instanceof TorchTensor) {
      if (tensors.has(name)) throw weightsError(path, `tensor ${quoted(name)}`, 'one', 'two');
      tensors.set(name, storedTensor(path, name, value));
      return;
    }
    const below = (key: PickleValue, item: PickleValue) => {
      if (typeof key === 'string' || typeof key === 'number') {
        visit(item, name === '' ? `${key}` : `${name}.${key}`, depth + 1);
      }
    };
    if (value instanceof PickleDict) {
      for (const [key, item] of value.items) below(key, item);
    } else if (value instanceof PickleList || value instanceof PickleTuple) {
      for (const [i, item] of value.items.entries()) below(i, item);
    }
  };
  visit(top, '', 1);
  return tensors;
}

function storedTensor(path: string, name: string, tensor: TorchTensor): StoredTensor {
  const { storage, dtype, shape, strides } = tensor;
  if (storage.offset === undefined) {
    throw weightsError(path, `tensor ${quoted(name)}`, 'in the file', 'one without a storage');
  }
  const width = storedBytes[dtype];
  const place = {
    dtype,
    shape,
    offset: storage.offset + tensor.offset * width,
    bytes: countOf(shape)! * width,
  };
  const dense = denseStrides(shape);
  // The stride of an axis with one element is never used, whatever it says.
  const isDense =
    place.bytes === 0 || strides.every((stride, a) => shape[a] === 1 || stride === dense[a]);
  return isDense ? place : { ...place, strides };
}

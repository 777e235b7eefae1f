// The names that a file of torch.save may use, and what stands for each.
import { isCount, quoted, weightsError } from './byte_source.ts';
import {
  PickleDict,
  PickleGlobal,
  PickleList,
  PickleObject,
  PickleTuple,
  type PickleValue,
} from './pickle_value.ts';
import { countOf, maxRank, type StoredDtype, storedBytes } from './stored_tensor.ts';

/** A block of elements that tensors lie in; where it is in the file comes to be known later. */
export class TorchStorage extends PickleObject {
  readonly key: string;
  /** Undefined for bytes that each tensor gives its own meaning. */
  readonly dtype: StoredDtype | undefined;
  readonly bytes: number;
  /** Of its first byte in the file. */
  offset: number | undefined;

  constructor(key: string, dtype: StoredDtype | undefined, bytes: number) {
    super();
    this.key = key;
    this.dtype = dtype;
    this.bytes = bytes;
  }
}

/** Part of a storage, as old files share them; in elements. */
export class TorchStorageView extends PickleObject {
  readonly storage: TorchStorage;
  readonly begin: number;
  readonly count: number;

  constructor(storage: TorchStorage, begin: number, count: number) {
    super();
    this.storage = storage;
    this.begin = begin;
    this.count = count;
  }
}

/** A tensor as it lies in a storage. Offsets and strides in elements; all of it inside. */
export class TorchTensor extends PickleObject {
  readonly storage: TorchStorage;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;

  constructor(
    storage: TorchStorage,
    dtype: StoredDtype,
    shape: readonly number[],
    strides: readonly number[],
    offset: number,
  ) {
    super();
    this.storage = storage;
    this.dtype = dtype;
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
  }
}

const storageTypes: Readonly<Record<string, StoredDtype>> = {
  FloatStorage: 'F32',
  DoubleStorage: 'F64',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

const dtypeNames: Readonly<Record<string, StoredDtype>> = {
  float32: 'F32',
  float64: 'F64',
  float16: 'F16',
  bfloat16: 'BF16',
  float8_e4m3fn: 'F8_E4M3',
  float8_e5m2: 'F8_E5M2',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
};

const untyped = 'UntypedStorage';

/** The element type of each global that names one; the untyped storages have none. */
const dtypeOfGlobal = new Map<PickleGlobal, StoredDtype | undefined>();

/** Builds what a file of torch.save describes; errors name the file. */
export class TorchBuilder {
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
    const globals = new Map<string, PickleGlobal>(typeGlobals);
    const allow = (name: string, build: (args: readonly PickleValue[]) => PickleValue) =>
      globals.set(name, new PickleGlobal(name, build));
    allow('collections.OrderedDict', (args) => this.orderedDict(args));
    allow('torch.Size', (args) => this.size(args));
    allow('torch._utils._rebuild_tensor', (args) => this.rebuildTensor(args, [4]));
    allow('torch._utils._rebuild_tensor_v2', (args) => this.rebuildTensor(args, [6, 7]));
    allow('torch._utils._rebuild_tensor_v3', (args) => this.rebuildTensor(args, [7, 8], 6));
    allow('torch._utils._rebuild_parameter', (args) => this.rebuildParameter(args));
    this.globals = globals;
  }

  /**
   * The storage that a persistent id of six names: `'storage'`, type, key, location, elements, view.
   *
   * @returns its key, dtype and bytes, and the view where there is one
   */
  storageId(id: PickleValue): {
    readonly storage: TorchStorage;
    readonly view: readonly PickleValue[] | undefined;
  } {
    const items = id instanceof PickleTuple ? id.items : [];
    const [kind, type, key, location, count, view = null] = items;
    const known = type instanceof PickleGlobal && dtypeOfGlobal.has(type);
    const right = known && type.name.endsWith('Storage') && isCount(count);
    if (kind !== 'storage' || !right || typeof key !== 'string' || typeof location !== 'string') {
      throw this.wrong('a persistent id', 'that of a storage', 'another');
    }
    const dtype = dtypeOfGlobal.get(type);
    const bytes = count * (dtype ? storedBytes[dtype] : 1);
    if (!isCount(bytes)) throw this.wrong('a storage', 'of less than 2^53 bytes', `${bytes}`);
    if (view !== null && !(view instanceof PickleTuple)) {
      throw this.wrong('a persistent id', 'that of a storage', 'another');
    }
    return { storage: new TorchStorage(key, dtype, bytes), view: view?.items };
  }

  private orderedDict(args: readonly PickleValue[]): PickleDict {
    const dict = new PickleDict(true);
    if (args.length === 0) return dict;
    const [pairs] = args;
    if (args.length !== 1 || !(pairs instanceof PickleList || pairs instanceof PickleTuple)) {
      throw this.wrong('an ordered dict', 'built from pairs', 'another call');
    }
    for (const pair of pairs.items) {
      const [key, value] =
        pair instanceof PickleTuple || pair instanceof PickleList ? pair.items : [];
      if (typeof key !== 'string' || value === undefined || dict.items.has(key)) {
        throw this.wrong('an ordered dict', 'built from pairs', 'another call');
      }
      dict.set(key, value);
    }
    return dict;
  }

  private size(args: readonly PickleValue[]): PickleTuple {
    const [extents] = args;
    if (args.length === 1 && extents instanceof PickleTuple) return extents;
    throw this.wrong('a torch.Size', 'built from a tuple', 'another call');
  }

  private rebuildParameter(args: readonly PickleValue[]): TorchTensor {
    const [tensor] = args;
    if (args.length === 3 && tensor instanceof TorchTensor) return tensor;
    throw this.wrong('a parameter', 'built from a tensor', 'another call');
  }

  /** `storage, offset, shape, strides, ...` and the dtype at `dtypeAt` where the storage has none. */
  private rebuildTensor(
    args: readonly PickleValue[],
    lengths: readonly number[],
    dtypeAt?: number,
  ): TorchTensor {
    const [from, offset, shape, strides] = args;
    const storage = from instanceof TorchStorageView ? from.storage : from;
    const wrong = (expected: string, got: string) =>
      this.wrong(
        `a tensor${storage instanceof TorchStorage ? ` of storage ${quoted(storage.key)}` : ''}`,
        expected,
        got,
      );
    if (!lengths.includes(args.length) || !(storage instanceof TorchStorage)) {
      throw wrong('built from a storage', 'another call');
    }
    const named = dtypeAt === undefined ? undefined : args[dtypeAt];
    const dtype = named instanceof PickleGlobal ? dtypeOfGlobal.get(named) : storage.dtype;
    if (!dtype || (storage.dtype && storage.dtype !== dtype)) {
      throw wrong('of a dtype that fits its storage', dtype ?? 'none');
    }
    const extents = counts(shape);
    const steps = counts(strides);
    if (!isCount(offset) || !extents || steps?.length !== extents.length) {
      throw wrong('at an offset from 0 with shape and strides from 0', 'others');
    }
    if (extents.length > maxRank) throw wrong(`of rank ${maxRank} or less`, `${extents.length}`);
    const width = storedBytes[dtype];
    const held = from instanceof TorchStorageView ? from.count : Math.floor(storage.bytes / width);
    const begin = from instanceof TorchStorageView ? from.begin : 0;
    const count = countOf(extents);
    const last = extents.reduce((sum, n, axis) => sum + (n - 1) * steps[axis]!, offset);
    // A tensor may hold the same element twice, as a transposed window does, but not more elements
    // than its storage: a few bytes would else ask for any amount of memory.
    if (count === undefined || count > held || offset > held || (count > 0 && !(last < held))) {
      const got = `shape [${extents.join(', ')}], strides [${steps.join(', ')}], offset ${offset}`;
      throw wrong(`inside the ${held} elements of its storage`, got);
    }
    return new TorchTensor(storage, dtype, extents, steps, begin + offset);
  }

  private wrong(what: string, expected: string, got: string): Error {
    return weightsError(this.path, what, expected, got);
  }
}

function counts(value: PickleValue | undefined): readonly number[] | undefined {
  if (!(value instanceof PickleTuple)) return undefined;
  return value.items.every(isCount) ? (value.items as readonly number[]) : undefined;
}

function* namedTypes(): Generator<[string, PickleGlobal]> {
  const type = (name: string, dtype?: StoredDtype): [string, PickleGlobal] => {
    const global = new PickleGlobal(name);
    dtypeOfGlobal.set(global, dtype);
    return [name, global];
  };
  for (const [name, dtype] of Object.entries(storageTypes)) yield type(`torch.${name}`, dtype);
  for (const [name, dtype] of Object.entries(dtypeNames)) yield type(`torch.${name}`, dtype);
  yield type(`torch.${untyped}`);
  yield type(`torch.storage.${untyped}`);
}

const typeGlobals = new Map(namedTypes());

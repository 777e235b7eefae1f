import { copyIn } from '../ops/copy_slice.ts';
import type { Device } from '../tensor/device.ts';
import type { Dtype } from '../tensor/dtype.ts';
import { MappedFile } from '../tensor/mapped_file.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type ByteSource, type OpenFile, openFile, quoted, weightsError } from './byte_source.ts';
import { asStored, decode, keptAs } from './element_values.ts';
import { openShards } from './shard_index.ts';
import { readElements, type StoredTensor } from './stored_tensor.ts';
import { readTensors } from './tensor_file.ts';
import { isFolder, requireWeights } from './weight_folder.ts';

/** One file of those that are open. */
interface Part {
  readonly source: OpenFile;
  mapped: MappedFile | undefined;
}

/** How a tensor is brought to a device. */
export interface LoadOptions {
  /** Of floats; integers are i32 or i8. */
  readonly dtype: 'keep' | 'f32' | 'bf16';
  /** Whether it must not lie in the file itself. */
  readonly writable: boolean;
}

/** A tensor of an open file, and how to make one on a device of it. */
export interface FoundTensor {
  readonly source: ByteSource;
  readonly stored: StoredTensor;
  load(device: Device, options: LoadOptions): Tensor;
}

/** A file of a tree of several, whose names there are not those that the model has. */
export interface WeightFile {
  /** As `Weights.open` takes it. */
  readonly path: string;
  /** What the names lose in front, such as `module.`; those without it stay as they are. */
  readonly removePrefix?: string | undefined;
  /** What all names get in front then, such as `vision_model.`. */
  readonly addPrefix?: string | undefined;
}

/** A path, or one with its names changed, or several in one tree. */
export type WeightFiles = string | WeightFile | readonly (string | WeightFile)[];

/** The tensors of open files under the names that they have in the tree. */
export class WeightSource {
  /** What was asked for, for errors. */
  readonly path: string;
  /** What single safetensors say about themselves under `__metadata__`; of several the last. */
  readonly metadata = new Map<string, string>();
  private readonly found = new Map<
    string,
    { readonly part: Part; readonly stored: StoredTensor }
  >();
  private readonly parts: Part[] = [];

  /**
   * Throws `ERR_WEIGHTS` when a file cannot be read or two have a tensor of the same name.
   *
   * @param files  each a `.safetensors`, a file of `torch.save` (`.pth`, `.pt`, `.ckpt`, `.bin`), an
   *               index of such (`.json`), or a folder with one of them; see `weightsOfFolder`
   */
  constructor(files: WeightFiles) {
    const all = (Array.isArray(files) ? files : [files]) as readonly (string | WeightFile)[];
    const inTree = all.map((file) => (typeof file === 'string' ? { path: file } : file));
    this.path = inTree.map(({ path }) => path).join(' and ');
    try {
      for (const file of inTree) this.open(file);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  names(): IterableIterator<string> {
    return this.found.keys();
  }

  get(name: string): FoundTensor | undefined {
    const found = this.found.get(name);
    if (!found) return undefined;
    const { part, stored } = found;
    return {
      source: part.source,
      stored,
      load: (device, options) => load(part, name, stored, device, options),
    };
  }

  /** Closes the files. What is loaded stays. */
  close(): void {
    for (const part of this.parts) {
      part.source.close();
      part.mapped = undefined;
    }
    this.parts.length = 0;
    this.found.clear();
  }

  private open(file: WeightFile): void {
    const isNamedFolder = isFolder(file.path);
    const path = isNamedFolder ? requireWeights(file.path) : file.path;
    if (path.endsWith('.json')) {
      const shards = openShards(path, { followLinks: isNamedFolder });
      // All of them, so that all are closed.
      const parts = shards.map(({ source }) => this.keep(source));
      for (const [i, { tensors }] of shards.entries()) this.add(file, parts[i]!, tensors);
      return;
    }
    const part = this.keep(openFile(path));
    const { tensors, metadata } = readTensors(part.source);
    for (const [key, value] of metadata) this.metadata.set(key, value);
    this.add(file, part, tensors);
  }

  private keep(source: OpenFile): Part {
    const part: Part = { source, mapped: undefined };
    this.parts.push(part);
    return part;
  }

  private add(file: WeightFile, part: Part, tensors: ReadonlyMap<string, StoredTensor>): void {
    const { removePrefix = '', addPrefix = '' } = file;
    for (const [stored, tensor] of tensors) {
      const rest = stored.startsWith(removePrefix) ? stored.slice(removePrefix.length) : stored;
      const name = addPrefix + rest;
      const other = this.found.get(name);
      if (other) {
        const got = `one in ${other.part.source.path} too`;
        throw weightsError(part.source.path, `tensor ${quoted(name)}`, 'in this file alone', got);
      }
      this.found.set(name, { part, stored: tensor });
    }
  }
}

/** A shape of a file as devices have it: a number by itself is one of one element. */
export const shapeOnDevice = (shape: readonly number[]): readonly number[] =>
  shape.length === 0 ? [1] : shape;

function load(
  part: Part,
  name: string,
  stored: StoredTensor,
  device: Device,
  { dtype, writable }: LoadOptions,
): Tensor {
  const { path } = part.source;
  const kept = keptAs[stored.dtype];
  const isFloat = kept === 'f32' || kept === 'bf16';
  const wanted: Dtype = dtype === 'keep' || !isFloat ? kept : dtype;
  const inPlace = asStored[stored.dtype];
  const shape = shapeOnDevice(stored.shape);
  if (inPlace && !stored.strides) {
    const mapped = mapOf(part).tensor(device, stored.offset, shape, inPlace);
    if (inPlace === wanted && !writable) return mapped;
    try {
      const x = device.tensor(shape, wanted);
      if (inPlace === wanted) copyIn(x, mapped, 0);
      else device.run('cast', { x: mapped, y: x });
      return x;
    } finally {
      mapped.dispose();
    }
  }
  const values = decode(stored.dtype, readElements(part.source, stored));
  if (values) return device.from(values, shape, wanted);
  throw weightsError(path, `tensor ${quoted(name)}`, 'of integers that fit 32 bits', 'larger ones');
}

/** The file as memory; the same size as when its tensors were checked against it. */
function mapOf(part: Part): MappedFile {
  if (!part.mapped) {
    const { path, bytes } = part.source;
    const mapped = new MappedFile(path);
    if (mapped.bytes !== bytes) {
      throw weightsError(path, 'the file', `${bytes} bytes as when opened`, `${mapped.bytes}`);
    }
    part.mapped = mapped;
  }
  return part.mapped;
}

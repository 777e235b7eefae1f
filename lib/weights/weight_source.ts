import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../tensor/device.ts';
import type { Dtype } from '../tensor/dtype.ts';
import { MappedFile } from '../tensor/mapped_file.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type OpenFile, openFile, quoted, weightsError } from './byte_source.ts';
import { asStored, decode, keptAs } from './element_values.ts';
import { readSafetensors } from './safetensors.ts';
import { openShards } from './shard_index.ts';
import { readElements, type StoredTensor } from './stored_tensor.ts';
import { readTorchFile } from './torch_file.ts';

/** One file of those that are open. */
interface Part {
  readonly source: OpenFile;
  mapped: MappedFile | undefined;
}

/** A tensor of an open file, and how to make one on a device of it. */
export interface FoundTensor {
  readonly path: string;
  readonly stored: StoredTensor;
  /**
   * @param dtype  of floats; integers are i32 or i8
   */
  load(device: Device, dtype: 'keep' | 'f32' | 'bf16'): Tensor;
}

/** The tensors of one file, or of the files that an index names. */
export class WeightSource {
  /** What was asked for. */
  readonly path: string;
  private readonly found = new Map<
    string,
    { readonly part: Part; readonly stored: StoredTensor }
  >();
  private readonly parts: Part[] = [];

  /**
   * @param path  a `.safetensors`, an index of such (`.json`), a file of `torch.save` (`.pth`, `.pt`,
   *              `.ckpt`, `.bin`), or a folder with a `model.safetensors` or its index
   */
  constructor(path: string) {
    this.path = fileOf(path);
    if (this.path.endsWith('.json')) {
      for (const { source, tensors } of openShards(this.path)) this.add(source, tensors);
      return;
    }
    const source = openFile(this.path);
    try {
      const read = /\.(pth|pt|ckpt|bin)$/.test(this.path) ? readTorchFile : readSafetensors;
      this.add(source, read(source).tensors);
    } catch (error) {
      source.close();
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
      path: part.source.path,
      stored,
      load: (device, dtype) => load(part, name, stored, device, dtype),
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

  private add(source: OpenFile, tensors: ReadonlyMap<string, StoredTensor>): void {
    const part: Part = { source, mapped: undefined };
    this.parts.push(part);
    for (const [name, stored] of tensors) this.found.set(name, { part, stored });
  }
}

function fileOf(path: string): string {
  let isFolder: boolean | undefined;
  try {
    isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
  } catch (cause) {
    throw weightsError(path, 'the path', 'readable', (cause as Error).message, { cause });
  }
  if (!isFolder) return path;
  const names = ['model.safetensors.index.json', 'model.safetensors'];
  const name = names.find((name) => existsSync(join(path, name)));
  if (name) return join(path, name);
  throw weightsError(path, 'the folder', `one with ${names[1]} or its index`, 'neither');
}

function load(
  part: Part,
  name: string,
  stored: StoredTensor,
  device: Device,
  dtype: 'keep' | 'f32' | 'bf16',
): Tensor {
  const { path } = part.source;
  const kept = keptAs[stored.dtype];
  const isFloat = kept === 'f32' || kept === 'bf16';
  const wanted: Dtype = dtype === 'keep' || !isFloat ? kept : dtype;
  const inPlace = asStored[stored.dtype];
  if (inPlace && !stored.strides) {
    const mapped = mapOf(part).tensor(device, stored.offset, stored.shape, inPlace);
    if (inPlace === wanted) return mapped;
    try {
      const x = device.tensor(stored.shape, wanted);
      device.run('cast', { x: mapped, y: x });
      return x;
    } finally {
      mapped.dispose();
    }
  }
  const values = decode(stored.dtype, readElements(part.source, stored));
  if (values) return device.from(values, stored.shape, wanted);
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

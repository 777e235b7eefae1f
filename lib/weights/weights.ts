import { StylearError } from '../error.ts';
import { permute } from '../ops/permute.ts';
import { dequantiseRows, type QuantisedRows } from '../ops/quantise.ts';
import type { Device } from '../tensor/device.ts';
import { keep } from '../tensor/lifetime.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor, TensorValues } from '../tensor/tensor.ts';
import { quoted, weightsError } from './byte_source.ts';
import { type Init, initialise, zeros } from './init.ts';
import { shapeOnDevice, type WeightFiles, WeightSource } from './weight_source.ts';
import { type TensorToWrite, writeSafetensors } from './write_safetensors.ts';

/** What tensors are loaded or made as. */
export interface WeightsOptions {
  /**
   * What floats are loaded or initialised as. `keep`, unless told: as stored where a device has that
   * dtype, else and when initialised f32. Integers are i32 or i8.
   */
  readonly dtype?: 'keep' | 'f32' | 'bf16' | undefined;
}

/** How the weights of files are opened. */
export interface OpenWeightsOptions extends WeightsOptions {
  /**
   * Copy what would lie in the file itself, so that it can be trained: on the CPU, tensors of a file
   * that is used in place cannot be written to. False unless told.
   */
  readonly writable?: boolean | undefined;
}

/** How weights are made where there is no file. */
export interface FreshWeightsOptions extends WeightsOptions {
  /** Of all draws; 0 unless told. */
  readonly seed?: number | undefined;
}

/** How a module wants a tensor, where that is not how the file has it. */
export interface TensorOptions {
  /** What floats are loaded or initialised as; what the tree's are unless told. */
  readonly dtype?: 'f32' | 'bf16' | undefined;
  /**
   * `convolution`: files hold `[out, in, height, width]`, which is what shapes in calls and errors
   * mean, and the tensor is `[out, height, width, in]`, as `conv2d` takes it.
   */
  readonly layout?: 'dense' | 'convolution' | undefined;
}

/** The axes of a convolution's weight as `conv2d` takes it, by those of the file, and back. */
const convolutionAxes = { fromFile: [0, 2, 3, 1], toFile: [0, 3, 1, 2] } as const;

/** A tensor that was asked for. */
interface Held {
  readonly tensor: Tensor;
  /** As the file has it. */
  readonly shape: readonly number[];
  readonly layout: 'dense' | 'convolution';
}

/** What all paths into one tree share. */
interface Tree {
  readonly device: Device;
  readonly dtype: 'keep' | 'f32' | 'bf16';
  readonly seed: number;
  readonly writable: boolean;
  /** Undefined where the tensors are initialised. */
  readonly source: WeightSource | undefined;
  /** Every tensor that was asked for, by its name, in that order. */
  readonly tensors: Map<string, Held>;
}

/**
 * A path into a tree of named tensors, which are read from an open file or, where there is none,
 * initialised. Modules ask it for their tensors; what they asked for is what the tree holds.
 *
 * @example
 * using w = Weights.open('image_proj.pth', device);
 * const weight = w.at('layers').at(3).tensor('weight', [out, inputs]); // `layers.3.weight`
 * w.requireAllRead();
 */
export class Weights {
  /** The name of the path, without a dot in the end; empty at the root. */
  readonly path: string;
  private readonly tree: Tree;

  private constructor(tree: Tree, path: string) {
    this.tree = tree;
    this.path = path;
  }

  /**
   * The tensors of a file, or of several in one tree: a model and its adapter, say. A name may be in
   * one of them only.
   *
   * @param files  each a `.safetensors`, a file of `torch.save` (`.pth`, `.pt`, `.ckpt`, `.bin`), an
   *               index of such, or a folder with `model.safetensors`, `pytorch_model.bin` or the
   *               index of one; as `{ path, removePrefix, addPrefix }` where its names are not the
   *               model's
   */
  static open(
    files: WeightFiles,
    device: Device,
    { dtype = 'keep', writable = false }: OpenWeightsOptions = {},
  ): Weights {
    const source = new WeightSource(files);
    return new Weights({ device, dtype, seed: 0, writable, source, tensors: new Map() }, '');
  }

  /** Tensors that are initialised when they are asked for. */
  static fresh(device: Device, { dtype = 'keep', seed = 0 }: FreshWeightsOptions = {}): Weights {
    const source = undefined;
    return new Weights({ device, dtype, seed, writable: true, source, tensors: new Map() }, '');
  }

  get device(): Device {
    return this.tree.device;
  }

  /** Whether they are read from a file. */
  get isFromFile(): boolean {
    return this.tree.source !== undefined;
  }

  /**
   * What a safetensors file says about itself under a key of `__metadata__`, of several the last that
   * has it; undefined for other files and for those that an index names.
   */
  metadata(key: string): string | undefined {
    return this.tree.source?.metadata.get(key);
  }

  /** The path below this one. */
  at(name: string | number): Weights {
    return new Weights(this.tree, this.join(`${name}`));
  }

  /** Whether the file has such a tensor, or tensors below such a path; false without a file. */
  has(name: string): boolean {
    const full = this.join(name);
    const { source } = this.tree;
    if (!source) return false;
    if (source.get(full)) return true;
    for (const other of source.names()) if (other.startsWith(`${full}.`)) return true;
    return false;
  }

  /** The shape that the file gives for a tensor; undefined where it has none. */
  shapeOf(name: string): readonly number[] | undefined {
    return this.tree.source?.get(this.join(name))?.stored.shape;
  }

  /**
   * A tensor of the tree; the same one when it is asked for again. It lives until `dispose`, in
   * whatever scope it is asked for.
   *
   * Throws `ERR_WEIGHTS` when the file lacks it or has another shape.
   *
   * @param shape  what it must be; the tensor of an empty one, a number by itself, is `[1]`
   * @param init   what it holds where there is no file; zeros unless told
   */
  tensor(
    name: string,
    shape: readonly number[],
    init: Init = zeros,
    { dtype, layout = 'dense' }: TensorOptions = {},
  ): Tensor {
    const full = this.join(name);
    const { tensors } = this.tree;
    const known = tensors.get(full);
    if (known) {
      const again = (first: string, second: string) =>
        weightsError(this.origin, `tensor ${full}`, first, `${second} the second time`);
      if (!sameShape(known.shape, shape)) throw again(list(known.shape), list(shape));
      if (known.layout !== layout) throw again(`of layout ${known.layout}`, layout);
      return known.tensor;
    }
    const tensor = scope(() => {
      const stored = this.make(full, shape, init, dtype);
      return layout === 'dense' ? stored : forConvolution(this.asFloats(full, stored));
    });
    tensors.set(full, { tensor: keep(tensor), shape: [...shape], layout });
    return tensor;
  }

  /**
   * The rows of a matrix: a tensor, or, where the file has 8-bit integers under that name, these with
   * the scales of the rows, which it has under `<name>_scale`.
   *
   * @param shape  `[rows, width]`
   * @param init   what they hold where there is no file; zeros unless told
   */
  rows(name: string, shape: readonly number[], init: Init = zeros): Tensor | QuantisedRows {
    const weight = this.tensor(name, shape, init);
    if (weight.dtype !== 'i8') return weight;
    return {
      weight,
      scale: this.tensor(`${name}_scale`, shape.slice(0, 1), zeros, { dtype: 'f32' }),
    };
  }

  /** The names of the tensors at or below this path that were asked for, in that order. */
  names(): string[] {
    return [...this.tree.tensors.keys()].filter((name) => this.covers(name));
  }

  /** The tensors at or below this path that were asked for, by their names from the root. */
  entries(): [string, Tensor][] {
    return this.held().map(([name, { tensor }]) => [name, tensor]);
  }

  /** The names at or below this path that the file has and nobody asked for, sorted. */
  unread(): string[] {
    const { source, tensors } = this.tree;
    const names = source ? [...source.names()] : [];
    const isUnread = (name: string) => !tensors.has(name) && !this.isScaleOfKernels(name);
    return names.filter((name) => this.covers(name) && isUnread(name)).sort();
  }

  /**
   * Throws `ERR_WEIGHTS` when the file has tensors at or below this path that nobody asked for,
   * except for the numbers of positions that older releases of transformers saved with a model.
   *
   * @param allowed  whether another tensor may be left over
   */
  requireAllRead(allowed: (name: string) => boolean = () => false): void {
    const extra = this.unread().filter((name) => !savedPositions.test(name) && !allowed(name));
    if (extra.length === 0) return;
    const shown = extra.slice(0, 5).map((name) => {
      return `${name} ${list(this.tree.source?.get(name)?.stored.shape ?? [])}`;
    });
    const more = extra.length > 5 ? ` and ${extra.length - 5} more` : '';
    const below = this.path ? `${this.path} to have` : 'it to have';
    throw new StylearError(
      'ERR_WEIGHTS',
      `${this.origin}: expected ${below} no tensors but the model's, got ${shown.join(', ')}${more}`,
    );
  }

  /**
   * Writes the tensors at or below this path as safetensors, named from the root; see
   * `writeSafetensors`.
   */
  save(file: string, metadata?: Readonly<Record<string, string>>): Promise<void> {
    const tensors = this.held().map(([name, held]) => [name, toWrite(held)] as const);
    return writeSafetensors(file, new Map(tensors), metadata);
  }

  /** Closes the file; the tensors stay. Those not asked for yet are missing from then on. */
  close(): void {
    this.tree.source?.close();
  }

  /** Closes the file and frees every tensor of the tree. */
  dispose(): void {
    this.close();
    for (const { tensor } of this.tree.tensors.values()) tensor.dispose();
    this.tree.tensors.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private held(): [string, Held][] {
    return [...this.tree.tensors].filter(([name]) => this.covers(name));
  }

  private make(
    full: string,
    shape: readonly number[],
    init: Init,
    dtype: 'keep' | 'f32' | 'bf16' = this.tree.dtype,
  ): Tensor {
    const { device, seed, writable, source } = this.tree;
    if (!source) {
      const kept = dtype === 'keep' ? 'f32' : dtype;
      return initialise(device, shapeOnDevice(shape), kept, init, seed, full);
    }
    const found = source.get(full);
    if (!found) {
      const got = `no such tensor${likeNames(full, [...source.names()])}`;
      throw weightsError(this.origin, `tensor ${full}`, list(shape), got);
    }
    if (!sameShape(found.stored.shape, shape)) {
      throw weightsError(
        found.source.path,
        `tensor ${full}`,
        list(shape),
        list(found.stored.shape),
      );
    }
    return found.load(device, { dtype, writable });
  }

  /** Kernels that the file has as 8-bit rows, in f32: convolutions have no other kind. */
  private asFloats(full: string, stored: Tensor): Tensor {
    if (stored.dtype !== 'i8') return stored;
    const [rows = 0, ...others] = stored.shape;
    const scale = this.make(`${full}_scale`, [rows], zeros, 'f32');
    const weight = stored.reshape([rows, others.reduce((a, b) => a * b, 1)]);
    return dequantiseRows({ weight, scale }).reshape(stored.shape);
  }

  /** Whether a tensor of the file is part of one that was asked for, which was made floats of. */
  private isScaleOfKernels(name: string): boolean {
    const { source, tensors } = this.tree;
    const kernels = name.endsWith('_scale') ? name.slice(0, -'_scale'.length) : '';
    const isAsked = tensors.get(kernels)?.layout === 'convolution';
    return isAsked && source?.get(kernels)?.stored.dtype === 'I8';
  }

  /** The file, for errors. */
  private get origin(): string {
    return this.tree.source?.path ?? 'weights';
  }

  private join(name: string): string {
    if (name === '') throw weightsError(this.origin, 'a name', 'not empty', quoted(name));
    return this.path ? `${this.path}.${name}` : name;
  }

  private covers(name: string): boolean {
    return this.path === '' || name === this.path || name.startsWith(`${this.path}.`);
  }
}

/** What follows from the model's config alone. */
const savedPositions = /(?:^|\.)(?:position_ids|rotary_emb\.inv_freq)$/;

/** The weight of a convolution as `conv2d` takes it. Where that is the same order, it stays in place. */
function forConvolution(stored: Tensor): Tensor {
  const [out, inputs, height, width] = stored.shape as readonly [number, number, number, number];
  if (inputs > 1 && height * width > 1) return permute(stored, convolutionAxes.fromFile);
  return stored.reshape([out, height, width, inputs]);
}

/**
 * Those of a file that end most like one that it lacks, and of these the ones that begin most like it: a
 * prefix, say, is then seen at once.
 */
function likeNames(lacked: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const parts = lacked.split('.');
  const shared = (others: readonly string[], from: 0 | -1): number => {
    const same = parts.findIndex((_, i) => {
      const at = from < 0 ? -1 - i : i;
      return parts.at(at) !== others.at(at);
    });
    return same < 0 ? parts.length : same;
  };
  const alike = names.map((name) => {
    const others = name.split('.');
    return { name, ends: shared(others, -1), begins: shared(others, 0) };
  });
  const nearest = alike.sort((a, b) => b.ends - a.ends || b.begins - a.begins).slice(0, 3);
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return ` among ${nearest.map(({ name }) => quoted(name)).join(', ')}${more}`;
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((extent, axis) => extent === b[axis]);

const list = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** A tensor as it is on its device, to be written. */
export const denseToWrite = (tensor: Tensor): TensorToWrite =>
  toWrite({ tensor, shape: tensor.shape, layout: 'dense' });

function toWrite({ tensor, shape, layout }: Held): TensorToWrite {
  const { dtype } = tensor;
  const stored = ({ f32: 'F32', bf16: 'BF16', i32: 'I32', i8: 'I8' } as const)[dtype];
  const elements = async (): Promise<Uint8Array> => {
    const values = await valuesToWrite(tensor, layout);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    if (dtype !== 'bf16') return bytes;
    // The upper half of each f32 is the bf16 that it was widened from.
    const halves = new Uint8Array(bytes.length / 2);
    for (let i = 0; i < halves.length; i += 2) {
      halves[i] = bytes[2 * i + 2]!;
      halves[i + 1] = bytes[2 * i + 3]!;
    }
    return halves;
  };
  return { dtype: stored, shape, elements };
}

async function valuesToWrite(tensor: Tensor, layout: Held['layout']): Promise<TensorValues> {
  if (layout === 'dense') return tensor.read();
  const asInFile = permute(tensor, convolutionAxes.toFile);
  try {
    return await asInFile.read();
  } finally {
    asInFile.dispose();
  }
}

// How tensors lie in files, whatever the format.
import { type ByteSource, isCount } from './byte_source.ts';

/** The bytes of an element, by the names that safetensors gives the dtypes. */
export const storedBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const;

/** A dtype by the name that safetensors gives it. */
export type StoredDtype = keyof typeof storedBytes;

/** A tensor in a file: little-endian, row-major unless it has strides. */
export interface StoredTensor {
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** Where in the file its first element begins. */
  readonly offset: number;
  /** Of its elements; those of a tensor with strides may lie further apart. */
  readonly bytes: number;
  /** In elements, one for each axis; only where it is not row-major without gaps. */
  readonly strides?: readonly number[];
}

/** Tensors by name, and the file they are in. */
export interface StoredTensors {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** The most axes that a tensor of a file may have. */
export const maxRank = 8;

/** The product of `shape`, or undefined when it is no exact count. */
export function countOf(shape: readonly unknown[]): number | undefined {
  // An extent of 0 does not excuse the others: their product is checked without it.
  let product = 1;
  let empty = false;
  for (const extent of shape) {
    if (!isCount(extent)) return undefined;
    if (extent === 0) empty = true;
    else product *= extent;
    if (!Number.isSafeInteger(product)) return undefined;
  }
  return empty ? 0 : product;
}

/** The strides of a row-major tensor without gaps. */
export function denseStrides(shape: readonly number[]): number[] {
  const strides = Array<number>(shape.length);
  let next = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = next;
    next *= shape[axis]!;
  }
  return strides;
}

/** The elements of a tensor, row-major without gaps. */
export function readElements(source: ByteSource, tensor: StoredTensor): Buffer {
  const { shape, strides } = tensor;
  if (!strides || tensor.bytes === 0) return source.read(tensor.offset, tensor.bytes);
  const width = storedBytes[tensor.dtype];
  const last = strides.reduce((sum, stride, axis) => sum + stride * (shape[axis]! - 1), 0);
  const from = source.read(tensor.offset, (last + 1) * width);
  const to = Buffer.allocUnsafeSlow(tensor.bytes);
  const index = Array<number>(shape.length).fill(0);
  for (let at = 0, element = 0; at < tensor.bytes; at += width) {
    for (let b = 0; b < width; b++) to[at + b] = from[element * width + b]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      element += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      element -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return to;
}

const pieceBytes = 16 * 2 ** 20;

/**
 * The same in pieces of some 16 MiB.
 *
 * @param together  elements that a piece does not part, a divisor of their count
 */
export function* readPieces(
  source: ByteSource,
  tensor: StoredTensor,
  together = 1,
): Generator<Buffer> {
  const group = together * storedBytes[tensor.dtype];
  const length = Math.max(1, Math.floor(pieceBytes / group)) * group;
  const whole = tensor.strides && readElements(source, tensor);
  for (let at = 0; at < tensor.bytes; at += length) {
    const most = Math.min(length, tensor.bytes - at);
    yield whole ? whole.subarray(at, at + most) : source.read(tensor.offset + at, most);
  }
}

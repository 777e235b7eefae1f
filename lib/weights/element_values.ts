// Stored elements as values that a device takes.
import type { Dtype } from '../tensor/dtype.ts';
import type { StoredDtype } from './stored_tensor.ts';

/** How the values of a stored dtype are kept when nobody asks for another: exactly, but for F64. */
export const keptAs: { readonly [D in StoredDtype]: Dtype } = {
  BOOL: 'i32',
  U8: 'i32',
  I8: 'i8',
  F8_E4M3: 'f32',
  F8_E5M2: 'f32',
  I16: 'i32',
  U16: 'i32',
  F16: 'f32',
  BF16: 'bf16',
  I32: 'i32',
  U32: 'i32',
  F32: 'f32',
  I64: 'i32',
  U64: 'i32',
  F64: 'f32',
};

/** The dtypes whose elements a device reads as they lie in the file. */
export const asStored: { readonly [D in StoredDtype]?: Dtype } = {
  F32: 'f32',
  BF16: 'bf16',
  I32: 'i32',
  I8: 'i8',
};

/**
 * The elements as numbers: f32 of all floats, i32 of all integers. May share memory with `elements`.
 *
 * @returns undefined when an integer does not fit into 32 bits
 */
export function decode(
  dtype: StoredDtype,
  elements: Buffer,
): Float32Array | Int32Array | Int8Array | undefined {
  const view = new DataView(elements.buffer, elements.byteOffset, elements.byteLength);
  const integers = (width: number, read: (at: number) => number | bigint) => {
    const values = new Int32Array(elements.length / width);
    for (let i = 0; i < values.length; i++) {
      const value = read(i * width);
      if (value < -(2 ** 31) || value >= 2 ** 31) return undefined;
      values[i] = Number(value);
    }
    return values;
  };
  switch (dtype) {
    case 'F32':
      return new Float32Array(aligned(elements), 0, elements.length / 4);
    case 'F64':
      return Float32Array.from(new Float64Array(aligned(elements), 0, elements.length / 8));
    case 'F16':
      float16 ??= Float32Array.from({ length: 65536 }, (_, bits) => small(bits, 10, 15));
      return looked(float16, new Uint16Array(aligned(elements), 0, elements.length / 2));
    case 'BF16':
      return fromBf16(new Uint16Array(aligned(elements), 0, elements.length / 2));
    case 'F8_E5M2':
      return looked(
        Float32Array.from({ length: 256 }, (_, bits) => small(bits, 2, 15)),
        elements,
      );
    case 'F8_E4M3':
      return looked(
        Float32Array.from({ length: 256 }, (_, bits) => e4m3(bits)),
        elements,
      );
    case 'I8':
      return new Int8Array(elements.buffer, elements.byteOffset, elements.length);
    case 'BOOL':
    case 'U8':
      return integers(1, (at) => view.getUint8(at));
    case 'I16':
      return integers(2, (at) => view.getInt16(at, true));
    case 'U16':
      return integers(2, (at) => view.getUint16(at, true));
    case 'I32':
      return integers(4, (at) => view.getInt32(at, true));
    case 'U32':
      return integers(4, (at) => view.getUint32(at, true));
    case 'I64':
      return integers(8, (at) => view.getBigInt64(at, true));
    case 'U64':
      return integers(8, (at) => view.getBigUint64(at, true));
  }
}

/** Of bf16 by their bits: the upper halves of f32. */
export function fromBf16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < bits.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}

/** Bytes that begin where elements of any width may: the same ones, or a copy. */
export function aligned(bytes: Buffer): ArrayBuffer {
  const { buffer, byteOffset } = bytes;
  if (byteOffset === 0 && buffer instanceof ArrayBuffer) return buffer;
  return new Uint8Array(bytes).buffer;
}

/** The value of every f16 by its bits, once one was needed. */
let float16: Float32Array | undefined;

function looked(table: Float32Array, bits: Uint8Array | Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < values.length; i++) values[i] = table[bits[i]!]!;
  return values;
}

/** A float of IEEE's form with so many bits of fraction; what is left over are exponent and sign. */
function small(bits: number, fractionBits: number, bias: number): number {
  const signBit = 2 * (bias + 1) * 2 ** fractionBits;
  const sign = bits >= signBit ? -1 : 1;
  const magnitude = bits % signBit;
  const exponent = Math.floor(magnitude / 2 ** fractionBits);
  const fraction = (magnitude % 2 ** fractionBits) / 2 ** fractionBits;
  if (exponent === 2 * bias + 1) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}

/** The form without infinities: all ones is no number, the rest of the last exponent is. */
function e4m3(bits: number): number {
  if ((bits & 0x7f) === 0x7f) return Number.NaN;
  const exponent = (bits >> 3) & 15;
  const fraction = (bits & 7) / 8;
  const size = exponent === 0 ? fraction * 2 ** -6 : (1 + fraction) * 2 ** (exponent - 7);
  return bits & 0x80 ? -size : size;
}

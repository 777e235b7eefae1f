// Tensors on their way from one file into another of fewer bits, in pieces.
import { quoted, weightsError } from './byte_source.ts';
import { aligned, decode, fromBf16 } from './element_values.ts';
import { fromInt8Rows, rowScales, toBf16, toInt8Rows } from './rounded_values.ts';
import { readElements, readPieces, type StoredDtype } from './stored_tensor.ts';
import type { FoundTensor } from './weight_source.ts';
import type { TensorToWrite } from './write_safetensors.ts';

/** What a tensor lost. */
export interface ConvertedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly from: StoredDtype;
  readonly to: StoredDtype;
  /** The largest difference of a value. */
  readonly maxAbsError: number;
  /** The root of the sum of squared differences over that of squared values; 0 where all are zero. */
  readonly relativeRms: number;
}

/** Is told of each tensor when its last piece is written. */
export type OnConverted = (tensor: ConvertedTensor) => void;

/**
 * A tensor of floats, or 8-bit rows with their scales, in another float.
 *
 * @param scale  where it is 8-bit rows
 */
export function asFloats(
  name: string,
  found: FoundTensor,
  to: 'F32' | 'BF16',
  scale: FoundTensor | undefined,
  onConverted: OnConverted,
): TensorToWrite {
  const { stored, source } = found;
  const width = scale ? rowWidth(stored.shape) : 1;
  function* pieces(): Generator<Uint8Array> {
    const lost = new Loss();
    const scales = scale && floatsOf(scale, readElements(scale.source, scale.stored));
    let row = 0;
    for (const piece of readPieces(source, stored, Math.max(1, width))) {
      const rows = piece.length / width;
      const exact = scales
        ? fromInt8Rows(int8Of(piece), width, scales.subarray(row, row + rows))
        : exactly(found, piece);
      row += rows;
      const values = exact instanceof Float32Array ? exact : Float32Array.from(exact);
      const halves = to === 'BF16' ? toBf16(values) : undefined;
      lost.add(exact, halves ? fromBf16(halves) : values);
      yield bytesOf(halves ?? values);
    }
    onConverted({ name, shape: stored.shape, from: stored.dtype, to, ...lost.sum() });
  }
  return { dtype: to, shape: stored.shape, elements: pieces };
}

/**
 * A matrix, or the kernels of a convolution as rows of one, in 8 bits: the rows under its name, in its
 * shape, and their scales under `<name>_scale`.
 */
export function asRows(
  name: string,
  found: FoundTensor,
  onConverted: OnConverted,
): [string, TensorToWrite][] {
  const { stored, source } = found;
  const rows = stored.shape[0]!;
  const width = rowWidth(stored.shape);
  let scales: Float32Array | undefined;
  // The scales come first in the file, so what is to be divided by them is read twice.
  const scaled = (): Float32Array => {
    if (scales) return scales;
    scales = new Float32Array(rows);
    let row = 0;
    for (const piece of readPieces(source, stored, width)) {
      const some = rowScales(floatsOf(found, piece), width);
      scales.set(some, row);
      row += some.length;
    }
    const wrong = scales.findIndex((scale) => !Number.isFinite(scale));
    if (wrong >= 0) {
      const what = `row ${wrong} of tensor ${quoted(name)}`;
      throw weightsError(source.path, what, 'finite, to be rounded to 8 bits', `${scales[wrong]}`);
    }
    return scales;
  };
  function* pieces(): Generator<Uint8Array> {
    const lost = new Loss();
    let row = 0;
    for (const piece of readPieces(source, stored, width)) {
      const values = floatsOf(found, piece);
      const some = scaled().subarray(row, row + values.length / width);
      const int8 = toInt8Rows(values, width, some);
      row += some.length;
      lost.add(values, fromInt8Rows(int8, width, some));
      yield bytesOf(int8);
    }
    onConverted({ name, shape: stored.shape, from: stored.dtype, to: 'I8', ...lost.sum() });
  }
  return [
    [name, { dtype: 'I8', shape: stored.shape, elements: pieces }],
    [`${name}_scale`, { dtype: 'F32', shape: [rows], elements: () => bytesOf(scaled()) }],
  ];
}

const rowWidth = (shape: readonly number[]): number => shape.slice(1).reduce((a, b) => a * b, 1);

/** Differences of values, summed up. */
class Loss {
  private largest = 0;
  private errors = 0;
  private values = 0;

  add(exact: Float32Array | Float64Array, got: Float32Array): void {
    for (let i = 0; i < got.length; i++) {
      const x = exact[i]!;
      if (!Number.isFinite(x)) continue; // stays what it is
      const error = Math.abs(got[i]! - x);
      if (error > this.largest) this.largest = error;
      this.errors += error * error;
      this.values += x * x;
    }
  }

  sum(): { readonly maxAbsError: number; readonly relativeRms: number } {
    const relativeRms = this.errors === 0 ? 0 : Math.sqrt(this.errors / this.values);
    return { maxAbsError: this.largest, relativeRms };
  }
}

/** Elements of floats by their values; those of F64 are rounded. */
const floatsOf = ({ stored }: FoundTensor, piece: Buffer): Float32Array =>
  decode(stored.dtype, piece) as Float32Array;

const exactly = (found: FoundTensor, piece: Buffer): Float32Array | Float64Array =>
  found.stored.dtype === 'F64'
    ? new Float64Array(aligned(piece), 0, piece.length / 8)
    : floatsOf(found, piece);

const int8Of = (piece: Buffer): Int8Array =>
  new Int8Array(piece.buffer, piece.byteOffset, piece.length);

const bytesOf = (values: NodeJS.TypedArray): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

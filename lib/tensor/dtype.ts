import { isInt8Array, isInt32Array } from 'node:util/types';
import { StylearError } from '../error.ts';

/** How the elements of a tensor are stored. */
export type Dtype = 'f32' | 'bf16' | 'i32' | 'i8';

/** In the order in which native code counts them. */
export const dtypes: readonly Dtype[] = ['f32', 'bf16', 'i32', 'i8'];

/** The bytes of an element of each dtype. */
export const bytesPerElement: { readonly [D in Dtype]: number } = {
  f32: 4,
  bf16: 2,
  i32: 4,
  i8: 1,
};

/** What `read` gives: bf16 is widened to f32. */
export type TensorValues = Float32Array | Int32Array | Int8Array;

/** An array for the values of `count` elements. */
export function valuesFor(dtype: Dtype, count: number): TensorValues {
  if (dtype === 'i32') return new Int32Array(count);
  if (dtype === 'i8') return new Int8Array(count);
  return new Float32Array(count);
}

/** The dtype that holds the values of an array as they are; numbers are f32. */
export function dtypeOf(values: ArrayLike<number>): Dtype {
  if (isInt32Array(values)) return 'i32';
  if (isInt8Array(values)) return 'i8';
  return 'f32';
}

/** Throws `ERR_DTYPE` for what is none. */
export function requireDtype(dtype: unknown): void {
  if (dtypes.includes(dtype as Dtype)) return;
  throw new StylearError(
    'ERR_DTYPE',
    `tensor: expected dtype to be one of ${dtypes.join(', ')}, got ${String(dtype)}`,
  );
}

const ranges: Readonly<Partial<Record<Dtype, readonly [number, number]>>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  i8: [-128, 127],
};

/** Throws `ERR_VALUE` for a number whose whole part an integer dtype has no room for. */
export function requireInRange(where: string, value: number, dtype: Dtype): void {
  const range = ranges[dtype];
  if (!range) return;
  const whole = Math.trunc(value);
  if (whole >= range[0] && whole <= range[1]) return;
  throw new StylearError(
    'ERR_VALUE',
    `${where}: expected value to be from ${range[0]} to ${range[1]}, as ${dtype} has room for, got ${value}`,
  );
}

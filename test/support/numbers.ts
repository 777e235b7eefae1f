// Seeded numbers for tests, already rounded to the dtype they will be stored in, so that the float64
// definition and the device start from the same values.

export type Dtype = 'f32' | 'bf16' | 'i32' | 'i8';

/** Host values with the shape and dtype they are uploaded with. */
export interface Input {
  readonly values: Float64Array;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  /** No gradient is taken of it. */
  readonly constant?: boolean;
}

/** A stream of numbers in [0, 1), the same for the same seed. */
export function uniform(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b9);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers, by Box and Muller. */
export function normal(seed: number): () => number {
  const next = uniform(seed);
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

const bits = new DataView(new ArrayBuffer(4));

/** `value` as the dtype stores it: to nearest, ties to even. */
export function stored(value: number, dtype: Dtype): number {
  if (dtype === 'i32' || dtype === 'i8') return Math.trunc(value);
  if (dtype === 'f32' || !Number.isFinite(value)) return Math.fround(value);
  bits.setFloat32(0, value);
  const pattern = bits.getUint32(0);
  bits.setUint32(0, ((pattern + 0x7fff + ((pattern >>> 16) & 1)) & 0xffff0000) >>> 0);
  return bits.getFloat32(0);
}

/** The largest relative error of rounding a number to the dtype. */
export const rounding = (dtype: Dtype): number => (dtype === 'bf16' ? 2 ** -8 : 2 ** -24);

/**
 * How many roundings of f32 the sum of `terms` numbers may be off: it wanders by about the square
 * root of their number, and some of thousands of sums by twice that.
 */
export const ofSum = (terms: number): number => 8 + 2 * Math.sqrt(terms);

export const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export interface InputOptions {
  readonly dtype?: 'f32' | 'bf16';
  /** Standard deviation; 1 unless told. */
  readonly scale?: number;
  /** Mean; 0 unless told. */
  readonly mean?: number;
  readonly constant?: boolean;
}

/** Normal numbers. */
export function input(
  shape: readonly number[],
  seed: number,
  { dtype = 'f32', scale = 1, mean = 0, constant = false }: InputOptions = {},
): Input {
  const next = normal(seed);
  const values = Float64Array.from({ length: count(shape) }, () =>
    stored(mean + scale * next(), dtype),
  );
  return { values, shape, dtype, constant };
}

/** Given numbers; i32 unless told, one row unless told. */
export function given(
  values: ArrayLike<number>,
  shape: readonly number[] = [values.length],
  dtype: Dtype = 'i32',
): Input {
  return {
    values: Float64Array.from(values, (v) => stored(v, dtype)),
    shape,
    dtype,
    constant: true,
  };
}

/** Whole numbers in [low, high), i32. */
export function integers(shape: readonly number[], seed: number, low: number, high: number): Input {
  const next = uniform(seed);
  const values = Array.from({ length: count(shape) }, () =>
    Math.floor(low + (high - low) * next()),
  );
  return given(values, shape);
}

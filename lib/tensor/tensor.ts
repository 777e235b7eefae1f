import { isFloat32Array, isUint16Array } from 'node:util/types';
import { StylearError } from '../error.ts';
import type { Device } from './device.ts';
import { bytesPerElement, type Dtype, type TensorValues, valuesFor } from './dtype.ts';
import { begin, end } from './lifetime.ts';

export type { Dtype, TensorValues } from './dtype.ts';

/**
 * A dense, row-major array on a device. Made by {@link Device} and by ops; freed by the scope it was
 * made in, by `dispose`, or at last by the garbage collector.
 */
export class Tensor {
  readonly device: Device;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** What native code knows it by; 0 once disposed. @internal */
  handle: number;
  /** Which one it is of all tensors, in order of making. @internal */
  readonly made: number;

  /** @internal */
  constructor(device: Device, handle: number, dtype: Dtype, shape: readonly number[]) {
    this.device = device;
    this.handle = handle;
    this.dtype = dtype;
    this.shape = shape;
    this.made = begin(this);
  }

  /** The number of elements. */
  get count(): number {
    let count = 1;
    for (const extent of this.shape) count *= extent;
    return count;
  }

  get bytes(): number {
    return this.count * bytesPerElement[this.dtype];
  }

  get disposed(): boolean {
    return this.handle === 0;
  }

  /** A new tensor of the same shape and dtype, or another dtype, with no particular content. */
  like(dtype: Dtype = this.dtype): Tensor {
    return this.device.tensor(this.shape, dtype);
  }

  /** Rows `[begin, end)` of the first axis, on the same memory. No gradient passes through. */
  slice(begin: number, end: number): Tensor {
    const handle = this.device.call((native) => native.slice(this.handle, begin, end));
    return new Tensor(this.device, handle, this.dtype, [end - begin, ...this.shape.slice(1)]);
  }

  /**
   * The same elements in the same order under another shape, on the same memory. No gradient passes
   * through; it does through the op `reshape`.
   */
  reshape(shape: readonly number[]): Tensor {
    const handle = this.device.call((native) =>
      native.reshape(this.handle, this.device.putShape(shape)),
    );
    return new Tensor(this.device, handle, this.dtype, [...shape]);
  }

  /**
   * Replaces the content, for whatever is enqueued from here on.
   *
   * @param values  as many as there are elements; rounded for bf16. A `Uint16Array` gives the bits
   *                of bf16 values.
   */
  write(values: ArrayLike<number>): void {
    this.device.call((native) => native.write(this.handle, valuesOf(values, this.dtype)));
  }

  /**
   * The values once all that was enqueued before is done; bf16 as f32.
   *
   * Rejects when the device has failed.
   */
  read(): Promise<TensorValues> {
    const values = valuesFor(this.dtype, this.count);
    return this.device
      .wait((native, done) => native.read(this.handle, values, done))
      .then(() => values);
  }

  /** Frees the tensor; its memory once the last tensor on it is freed. Does nothing twice. */
  dispose(): void {
    end(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** `values` as the array type that native code takes for `dtype`. */
function valuesOf(values: ArrayLike<number>, dtype: Dtype): NodeJS.TypedArray {
  switch (dtype) {
    case 'f32':
      return isFloat32Array(values) ? values : Float32Array.from(values);
    case 'bf16':
      if (isUint16Array(values) || isFloat32Array(values)) return values;
      return Float32Array.from(values);
    default: {
      const integers = valuesFor(dtype, values.length);
      if (values.constructor === integers.constructor) return values as Int32Array | Int8Array;
      for (let i = 0; i < values.length; i++) {
        const value = values[i]!;
        integers[i] = value;
        if (integers[i] !== value) {
          throw new StylearError(
            'ERR_VALUE',
            `write: expected values to be ${dtype}, got ${value} at index ${i}`,
          );
        }
      }
      return integers;
    }
  }
}

import { type ErrorCode, StylearError } from '../error.ts';
import type { NativeAddon, NativeCallback, NativeDevice, NativeFile } from '../native.ts';
import { type Dtype, dtypeOf, dtypes, requireDtype, requireInRange } from './dtype.ts';
import { Graph } from './graph.ts';
import type { OpArgs } from './op_args.ts';
import { describeOps, type OpTable, putArguments } from './op_call.ts';
import { scope } from './scope.ts';
import { Tensor } from './tensor.ts';

/** What a device holds. */
export interface MemoryUse {
  readonly tensors: number;
  /** Allocations and mapped parts of files that tensors or graphs use. */
  readonly storages: number;
  readonly graphs: number;
  readonly liveBytes: number;
  readonly liveBlocks: number;
  /** Taken from the system, including what is kept for the next who asks. */
  readonly reservedBytes: number;
}

/**
 * Memory and one in-order queue that accepts every op. Made by `openDevice`. Nothing waits but
 * `read`, `idle` and `close`; work is done in the order in which it was called for.
 */
export class Device {
  /** Such as `cpu-avx512` or `cuda:0 NVIDIA H200`. */
  readonly name: string;
  /** CPU threads that share an op. */
  readonly threads: number;
  /** @internal */
  readonly native: NativeDevice;
  private readonly ops: OpTable;
  private closing: Promise<void> | undefined;

  /** @internal */
  constructor(native: NativeDevice, addon: NativeAddon) {
    this.native = native;
    this.name = native.name;
    this.threads = native.threads;
    this.ops = describeOps(addon);
  }

  /** A tensor with no particular content. */
  tensor(shape: readonly number[], dtype: Dtype = 'f32'): Tensor {
    requireDtype(dtype);
    const handle = this.call((native) => native.make(dtypes.indexOf(dtype), this.putShape(shape)));
    return new Tensor(this, handle, dtype, [...shape]);
  }

  /**
   * A tensor of the given values.
   *
   * @param values  as many as the shape has elements; a `Uint16Array` gives the bits of bf16 values
   * @param dtype   by default `i32` and `i8` for arrays of that type, `f32` for all others
   */
  from(
    values: ArrayLike<number>,
    shape: readonly number[] = [values.length],
    dtype: Dtype = dtypeOf(values),
  ): Tensor {
    const tensor = this.tensor(shape, dtype);
    try {
      tensor.write(values);
    } catch (error) {
      tensor.dispose();
      throw error;
    }
    return tensor;
  }

  /** A tensor of zeros. */
  zeros(shape: readonly number[], dtype: Dtype = 'f32'): Tensor {
    return this.full(shape, 0, dtype);
  }

  /** A tensor whose elements are all `value`; i32 and i8 take it truncated, and within their range. */
  full(shape: readonly number[], value: number, dtype: Dtype = 'f32'): Tensor {
    requireInRange('full', value, dtype);
    const tensor = this.tensor(shape, dtype);
    this.run('fill', { y: tensor, value });
    return tensor;
  }

  /** See `MappedFile.tensor`. @internal */
  mapped(file: NativeFile, offset: number, shape: readonly number[], dtype: Dtype): Tensor {
    const handle = this.call((native) =>
      native.map(file, offset, dtypes.indexOf(dtype), this.putShape(shape)),
    );
    return new Tensor(this, handle, dtype, [...shape]);
  }

  /**
   * Checks the arguments and enqueues an op. Functions of `lib/ops` are its callers.
   *
   * Throws when an argument does not fit.
   */
  run<Op extends keyof OpArgs>(op: Op, args: OpArgs[Op]): void {
    const entry = this.ops[op];
    putArguments(this, entry, args);
    try {
      this.native.run(entry.index);
    } catch (error) {
      throw StylearError.from(error);
    }
  }

  /**
   * Runs `body` with the queue in recording mode. The graph can replay what was enqueued, on the
   * same tensors; `result` is what `body` returned. What `body` made and did not return is freed.
   */
  record<T>(body: () => T): Graph<T> {
    this.call((native) => native.beginRecording());
    let result: T;
    try {
      result = scope(body);
    } catch (error) {
      try {
        this.native.disposeGraph(this.native.endRecording());
      } catch {
        // A recording that was broken off may not end well; what broke it off is thrown.
      }
      throw error;
    }
    return new Graph(
      this,
      this.call((native) => native.endRecording()),
      result,
    );
  }

  /** Resolves when all that was enqueued is done; rejects when the device has failed. */
  idle(): Promise<void> {
    return this.wait((native, done) => native.idle(done));
  }

  memory(): MemoryUse {
    this.call((native) => native.memory());
    const [tensors, storages, graphs, liveBytes, liveBlocks, reservedBytes] = this.native.buffer;
    return {
      tensors: tensors!,
      storages: storages!,
      graphs: graphs!,
      liveBytes: liveBytes!,
      liveBlocks: liveBlocks!,
      reservedBytes: reservedBytes!,
    };
  }

  /** Gives memory that is kept for later back to the system. */
  trim(): void {
    this.call((native) => native.trim());
  }

  /** Finishes what was enqueued, then frees everything on the device. Does nothing twice. */
  close(): Promise<void> {
    this.closing ??= this.idle()
      .catch(() => {}) // whoever awaited the work was told
      .then(() => this.native.close());
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Calls into native code; what it throws carries the caller's line. @internal */
  call<T>(body: (native: NativeDevice) => T): T {
    try {
      return body(this.native);
    } catch (error) {
      throw StylearError.from(error);
    }
  }

  /** A promise of something the device calls back about. @internal */
  wait(start: (native: NativeDevice, done: NativeCallback) => void): Promise<void> {
    const here = new Error();
    return new Promise((resolve, reject) => {
      const done: NativeCallback = (code, message = '') => {
        if (code === undefined) return resolve();
        const error = new StylearError(code as ErrorCode, message);
        error.stack = here.stack?.replace('Error', `${error.name}: ${message}`) ?? message;
        reject(error);
      };
      this.call((native) => start(native, done));
    });
  }

  /** Lays a shape into the buffer. @returns its rank @internal */
  putShape(shape: readonly number[]): number {
    const { buffer } = this.native;
    for (let axis = 0; axis < shape.length && axis < buffer.length; axis++)
      buffer[axis] = shape[axis]!;
    return shape.length;
  }
}

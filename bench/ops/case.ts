/** What a bench of one op at one shape states: the work it is, its limit, and the peer's name of it. */

import type { Device, Tensor } from '../../lib/index.ts';
import type { PeerRequest } from '../compare/peer.ts';
import type { Limit } from '../limits.ts';

export interface OpCase {
  /** Such as `linear`. */
  readonly op: string;
  /** The shape in words. */
  readonly shape: string;
  readonly dtype: string;
  /** Arithmetic operations, a multiply-add being two; or bytes that have to be moved at least. */
  readonly work: number;
  /** What bounds the op: its rate is `work` a second, in GFLOP/s or GB/s. */
  readonly limit: Limit;
  /** The share of the limit that counts as done, where one is set. */
  readonly bar?: number;
  /** The same by PyTorch, without the dtype and time. */
  readonly torch?: PeerRequest;
  /** By PyTorch another way, where that may be faster: its better time counts. */
  readonly torchToo?: PeerRequest;
  /** By onnxruntime (compare/onnxruntime_ops.ts), in f32. */
  readonly onnxruntime?: PeerRequest;
  /** By llama.cpp (compare/llama_cpp.cc) on the model `slice7b` of networks.ts, in bf16. */
  readonly llamaCpp?: PeerRequest;
  /**
   * How many sets of inputs take turns, where one would stay in a cache that is there for what comes
   * between two calls; 1 unless told.
   */
  readonly sets?: number;
  /** Whether what `prepare` returns replays a recording of its own. */
  readonly recorded?: boolean;
  /** Makes the inputs and returns what enqueues the op once. */
  readonly prepare: (device: Device) => () => void;
}

export type Float = 'f32' | 'bf16';

/** The last large ones, since cases of one op ask for the same a dozen times. */
let drawn: { readonly scale: number; readonly values: Float32Array } | undefined;

/** Values that no branch and no compression can profit from, the same in every run. */
export function noise(
  device: Device,
  shape: readonly number[],
  dtype: Float = 'f32',
  scale = 1,
): Tensor {
  const count = shape.reduce((product, extent) => product * extent, 1);
  return device.from(draw(count, scale), shape, dtype);
}

function draw(count: number, scale: number): Float32Array {
  if (drawn?.values.length === count && drawn.scale === scale) return drawn.values;
  const values = new Float32Array(count);
  let state = 12345;
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[i] = ((state >>> 0) / 2 ** 31 - 1) * scale;
  }
  if (count >= 1 << 24) drawn = { scale, values };
  return values;
}

export const bytesOf = (dtype: string): number => ({ f32: 4, bf16: 2, i8: 1 })[dtype] ?? 4;

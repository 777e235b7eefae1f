import { createHash } from 'node:crypto';
import type { Device } from '../tensor/device.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * What a tensor holds before training: one value, or draws from a distribution around 0: normal with
 * a standard deviation, or uniform up to a bound.
 */
export type Init =
  | { readonly constant: number }
  | { readonly normal: number }
  | { readonly uniform: number };

/** All 0, as biases begin. */
export const zeros: Init = { constant: 0 };
/** All 1, as the weights of norms begin. */
export const ones: Init = { constant: 1 };

/**
 * A tensor as `init` says. Its draws depend on `seed`, its name and its shape alone: on no other
 * tensor, nor on the order in which they are made.
 */
export function initialise(
  device: Device,
  shape: readonly number[],
  dtype: 'f32' | 'bf16',
  init: Init,
  seed: number,
  name: string,
): Tensor {
  if ('constant' in init) return device.full(shape, init.constant, dtype);
  const [low, high] = seedOf(seed, name);
  if ('normal' in init) {
    const x = device.zeros(shape, dtype);
    const key = device.from(Int32Array.of(low, high));
    device.run('gaussian_noise', { x, seed: key, y: x, strength: init.normal });
    key.dispose();
    return x;
  }
  const next = uniform(low, high);
  const count = shape.reduce((product, extent) => product * extent, 1);
  const values = Float32Array.from({ length: count }, () => init.uniform * (2 * next() - 1));
  return device.from(values, shape, dtype);
}

/** 64 bits of a hash. */
function seedOf(seed: number, name: string): readonly [number, number] {
  const hash = createHash('sha256').update(`${seed}:${name}`).digest();
  return [hash.readInt32LE(0), hash.readInt32LE(4)];
}

/** Numbers in [0, 1), multiples of 2^-32: two 32-bit halves counted up and mixed by multiplication. */
function uniform(low: number, high: number): () => number {
  let state = low;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let bits = Math.imul(state ^ (state >>> 16) ^ high, 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
  };
}

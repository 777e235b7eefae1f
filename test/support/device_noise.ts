import { type Device, gaussianNoise, scope, type Tensor } from '../../lib/index.ts';

/** Normal values, drawn on the device: a gigabyte of them takes the host seconds. */
export function deviceNoise(
  device: Device,
  shape: readonly number[],
  dtype: 'f32' | 'bf16',
  strength = 1,
): Tensor {
  return scope(() => {
    const seed = device.from(Int32Array.of(shape.length, shape.at(-1) ?? 0));
    return gaussianNoise(device.zeros(shape, dtype), seed, { strength });
  });
}

/** The VQGAN's convolutions and norms, at its own shapes. */

import { conv2d, groupNorm, scope } from '../../lib/index.ts';
import { bytesOf, noise, type OpCase } from './case.ts';

/** `[side, in, out, kernel]` */
const convolutions: readonly (readonly [number, number, number, number])[] = [
  [48, 512, 512, 3],
  [96, 256, 512, 1],
  [96, 256, 256, 3],
  [192, 128, 128, 3],
  [256, 128, 3, 3],
];

const convCases = convolutions.map(
  ([side, inner, out, kernel]): OpCase => ({
    op: 'conv2d',
    shape: `${side} x ${side}, ${inner} -> ${out}, ${kernel} x ${kernel}`,
    dtype: 'f32',
    work: 2 * side * side * inner * out * kernel * kernel,
    limit: 'fma',
    ...(out > 8 ? { bar: 0.56 } : {}),
    torch: { op: 'conv2d', images: 1, height: side, width: side, in: inner, out, kernel },
    prepare(device) {
      const x = noise(device, [1, side, side, inner]);
      const weight = noise(device, [out, kernel, kernel, inner]);
      const padding = kernel >> 1;
      return () => scope(() => void conv2d(x, weight, { padding }));
    },
  }),
);

const normCases = (['f32', 'bf16'] as const).map((dtype): OpCase => {
  const [side, channels] = [384, 128];
  return {
    op: 'group_norm',
    shape: `${side} x ${side} x ${channels}, silu`,
    dtype,
    work: 3 * side * side * channels * bytesOf(dtype),
    limit: 'read',
    torch: { op: 'group_norm', images: 1, height: side, width: side, channels },
    prepare(device) {
      const x = noise(device, [1, side, side, channels], dtype);
      const weight = noise(device, [channels], dtype);
      const bias = noise(device, [channels], dtype);
      return () => scope(() => void groupNorm(x, weight, bias, { silu: true }));
    },
  };
});

export const pictureCases: readonly OpCase[] = [...convCases, ...normCases];

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

/** `[images, side, in, out]` of 3 x 3 taps: of a training of the embedded model's VQGAN, and full size. */
const backwards: readonly (readonly [number, number, number, number])[] = [
  [8, 64, 32, 32],
  [1, 192, 128, 128],
  [1, 96, 256, 256],
];

/** Both gradients. */
const backwardCases = backwards.map(
  ([images, side, inner, out]): OpCase => ({
    op: 'conv2d backward',
    shape: `${images} of ${side} x ${side}, ${inner} -> ${out}, 3 x 3`,
    dtype: 'f32',
    work: 4 * images * side * side * inner * out * 9,
    limit: 'fma',
    torch: {
      op: 'conv2d_backward',
      images,
      height: side,
      width: side,
      in: inner,
      out,
      kernel: 3,
    },
    prepare(device) {
      const x = noise(device, [images, side, side, inner]);
      const weight = noise(device, [out, 3, 3, inner]);
      const dy = noise(device, [images, side, side, out]);
      const [dx, dweight] = [x.like(), weight.like()];
      const window = { stride: 1, padding: [1, 1, 1, 1] };
      return () => {
        device.run('conv2d_backward_input', { weight, dy, dx, ...window });
        device.run('conv2d_backward_weight', { x, dy, dweight, ...window });
      };
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

export const pictureCases: readonly OpCase[] = [...convCases, ...backwardCases, ...normCases];

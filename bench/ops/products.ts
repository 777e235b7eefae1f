/** Matrix products: prompt, training and CLIP shapes bounded by arithmetic, decode shapes by memory. */

import { linear, matmul, quantiseRows, scope } from '../../lib/index.ts';
import { bytesOf, type Float, noise, type OpCase } from './case.ts';

/** `[name, rows, out, in]` */
const large: readonly (readonly [string, number, number, number])[] = [
  ['square', 256, 256, 256],
  ['square', 1024, 1024, 1024],
  ['square', 2048, 2048, 2048],
  ['CLIP qkv', 257, 3840, 1280],
  ['CLIP fc1', 257, 5120, 1280],
  ['CLIP fc2', 257, 1280, 5120],
  ['resampler kv', 273, 1536, 4096],
  ['7B gate', 512, 11008, 4096],
];

const largeCases = large.flatMap(([name, rows, out, inner]) =>
  (['f32', 'bf16'] as const).map(
    (dtype): OpCase => ({
      op: 'linear',
      shape: `${name} ${rows} x ${out} x ${inner}`,
      dtype,
      work: 2 * rows * out * inner,
      limit: dtype === 'bf16' ? 'bf16' : 'fma',
      bar: 0.8,
      torch: { op: 'linear', rows, out, in: inner },
      ...(dtype === 'f32' ? { torchToo: { op: 'linear_onednn', rows, out, in: inner } } : {}),
      prepare(device) {
        const x = noise(device, [rows, inner], dtype);
        const weight = noise(device, [out, inner], dtype);
        return () => scope(() => void linear(x, weight));
      },
    }),
  ),
);

/** The gradients' products: `dy W` and `dyᵀ x` of one CLIP layer. */
const gradientCases = (['f32', 'bf16'] as const).flatMap((dtype: Float): OpCase[] => {
  const [rows, out, inner] = [1024, 1536, 1536];
  const work = 2 * rows * out * inner;
  const limit = dtype === 'bf16' ? 'bf16' : 'fma';
  return [
    {
      op: 'matmul',
      shape: `dy W ${rows} x ${inner} x ${out}`,
      dtype,
      work,
      limit,
      bar: 0.8,
      prepare(device) {
        const dy = noise(device, [rows, out], dtype);
        const weight = noise(device, [out, inner], dtype);
        return () => scope(() => void matmul(dy, weight));
      },
    },
    {
      op: 'matmul',
      shape: `dyᵀ x ${out} x ${inner} x ${rows}`,
      dtype,
      work,
      limit,
      bar: 0.8,
      prepare(device) {
        const dy = noise(device, [rows, out], dtype);
        const x = noise(device, [rows, inner], dtype);
        return () => scope(() => void matmul(dy, x, { transposeA: true }));
      },
    },
  ];
});

/**
 * A head wide enough that its weights (1 GiB in bf16, 512 MiB in 8 bits) pass the last-level caches of
 * servers, which reach hundreds of MiB: a smaller one is read faster than memory allows.
 */
const decode = { out: 131072, in: 4096 };

const decodeCases = (['bf16', 'i8'] as const).flatMap((stored) =>
  [1, 2, 4, 8, 16, 64].map(
    (rows): OpCase => ({
      op: 'linear',
      shape: `decode ${rows} x ${decode.out} x ${decode.in}`,
      dtype: stored === 'i8' ? 'bf16 by i8' : 'bf16',
      work: decode.out * decode.in * bytesOf(stored),
      limit: 'read',
      ...(rows <= 8 ? { bar: 0.85 } : {}),
      ...(stored === 'bf16' ? { torch: { op: 'linear', rows, ...decode } } : {}),
      prepare(device) {
        const x = noise(device, [rows, decode.in], 'bf16');
        const dense = noise(device, [decode.out, decode.in], 'bf16');
        const weight = stored === 'i8' ? quantiseRows(dense) : dense;
        return () => scope(() => void linear(x, weight));
      },
    }),
  ),
);

export const productCases: readonly OpCase[] = [...largeCases, ...gradientCases, ...decodeCases];

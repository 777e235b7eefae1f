/** What is done element by element or row by row: bounded by memory at sizes past the caches. */

import {
  adamw,
  crossEntropy,
  gather,
  layerNorm,
  pointwise,
  rmsNorm,
  scope,
  swiglu,
} from '../../lib/index.ts';
import { bytesOf, noise, type OpCase } from './case.ts';

const [rows, dim] = [8192, 4096];

const normCases = (['f32', 'bf16'] as const).flatMap((dtype): OpCase[] => [
  {
    op: 'rms_norm',
    shape: `${rows} x ${dim}`,
    dtype,
    work: 2 * rows * dim * bytesOf(dtype),
    limit: 'read',
    torch: { op: 'norm', kind: 'rms', rows, dim },
    prepare(device) {
      const x = noise(device, [rows, dim], dtype);
      const weight = noise(device, [dim], dtype);
      return () => scope(() => void rmsNorm(x, weight));
    },
  },
  {
    op: 'layer_norm',
    shape: `${rows} x ${dim}`,
    dtype,
    work: 2 * rows * dim * bytesOf(dtype),
    limit: 'read',
    torch: { op: 'norm', kind: 'layer', rows, dim },
    prepare(device) {
      const x = noise(device, [rows, dim], dtype);
      const weight = noise(device, [dim], dtype);
      const bias = noise(device, [dim], dtype);
      return () => scope(() => void layerNorm(x, weight, bias));
    },
  },
]);

const functionCases = (['gelu', 'silu'] as const).map(
  (name): OpCase => ({
    op: name,
    shape: `${rows} x ${dim}`,
    dtype: 'bf16',
    work: 2 * rows * dim * 2,
    limit: 'read',
    torch: { op: 'pointwise', function: name, count: rows * dim },
    prepare(device) {
      const x = noise(device, [rows, dim], 'bf16', 4);
      return () => scope(() => void pointwise(x, name));
    },
  }),
);

export const elementCases: readonly OpCase[] = [
  ...normCases,
  ...functionCases,
  {
    op: 'swiglu',
    shape: `${rows} x ${dim}`,
    dtype: 'bf16',
    work: 3 * rows * dim * 2,
    limit: 'read',
    torch: { op: 'swiglu', count: rows * dim },
    prepare(device) {
      const gate = noise(device, [rows, dim], 'bf16', 4);
      const up = noise(device, [rows, dim], 'bf16');
      return () => scope(() => void swiglu(gate, up));
    },
  },
  {
    op: 'cross_entropy',
    shape: '512 x 65536',
    dtype: 'f32',
    work: 512 * 65536 * 4,
    limit: 'read',
    torch: { op: 'cross_entropy', rows: 512, classes: 65536 },
    prepare(device) {
      const logits = noise(device, [512, 65536], 'f32', 4);
      const labels = device.from(Int32Array.from({ length: 512 }, (_, i) => i * 97));
      return () => scope(() => void crossEntropy(logits, labels, { zLoss: 1e-5 }));
    },
  },
  {
    op: 'embedding',
    shape: '4096 of 65536 x 1024',
    dtype: 'bf16',
    work: 2 * 4096 * 1024 * 2,
    limit: 'read',
    torch: { op: 'embedding', rows: 4096, vocabulary: 65536, dim: 1024 },
    prepare(device) {
      const table = noise(device, [65536, 1024], 'bf16');
      const ids = device.from(Int32Array.from({ length: 4096 }, (_, i) => (i * 7919) % 65536));
      return () => scope(() => void gather(table, ids));
    },
  },
  {
    op: 'adamw',
    shape: `${1 << 24}`,
    dtype: 'f32',
    work: 7 * (1 << 24) * 4,
    limit: 'read',
    torch: { op: 'adamw', count: 1 << 24 },
    prepare(device) {
      const [weight, grad] = [noise(device, [1 << 24]), noise(device, [1 << 24])];
      const [m, v] = [device.zeros([1 << 24]), device.zeros([1 << 24])];
      const [rate, step] = [device.from([1e-4]), device.from(new Int32Array([1]))];
      return () => adamw(weight, grad, { m, v }, { rate, step });
    },
  },
];

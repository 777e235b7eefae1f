/**
 * What a GPU is judged by: the kernels that are written by hand, at the shapes of the 7B, of CLIP's
 * reader and of a vocabulary, for one picture and for many.
 */

import {
  attention,
  gradients,
  linear,
  type PagedCache,
  pagedAttention,
  perceiverAttention,
  quantiseRows,
  scope,
  sum,
} from '../../lib/index.ts';
import { deviceNoise as noise } from '../../test/support/device_noise.ts';
import type { OpCase } from './case.ts';
import { samplingCase } from './sampling.ts';

/** How many sets of inputs of so many bytes no cache of a GPU holds. */
const setsOf = (bytes: number): number => Math.min(24, Math.max(1, Math.ceil(2 ** 29 / bytes)));

const heads = 32;
const headDim = 128;

const decodeAttention = [1, 8, 32, 128].flatMap((sequences) =>
  [128, 1024, 2432].map((keys): OpCase => {
    const pageTokens = 16;
    const pagesEach = keys / pageTokens;
    const work = 2 * sequences * keys * heads * headDim * 2;
    return {
      op: 'paged_attention',
      shape: `${sequences} x 1 query, ${keys} keys, ${heads} x ${headDim}`,
      dtype: 'bf16',
      work,
      limit: 'read',
      bar: 0.8,
      sets: setsOf(work),
      prepare(device) {
        const pages = sequences * pagesEach;
        const shape = [pages, heads, pageTokens, headDim];
        const cache: PagedCache = {
          kPages: noise(device, shape, 'bf16'),
          vPages: noise(device, shape, 'bf16'),
          table: device.from(
            // As a pool hands them out after a while: in no order.
            Int32Array.from({ length: pages }, (_, i) => (i * 4099 + 11) % pages),
            [sequences, pagesEach],
          ),
        };
        const lengths = device.from(new Int32Array(sequences).fill(keys));
        const q = noise(device, [sequences, 1, heads, headDim], 'bf16');
        return () => scope(() => void pagedAttention(q, cache, lengths));
      },
    };
  }),
);

const prompt = { sequences: 8, tokens: 2400 };

const promptAttention = [false, true].map((backward): OpCase => {
  const { sequences, tokens } = prompt;
  const shape = [sequences, tokens, heads, headDim];
  const pairs = (sequences * heads * (tokens * (tokens + 1))) / 2;
  const request = { sequences, heads, queries: tokens, keys: tokens, headDim, causal: true };
  return {
    op: backward ? 'attention forward + backward' : 'attention',
    shape: `${sequences} x ${tokens} x ${heads} x ${headDim}, causal`,
    dtype: 'bf16',
    work: (backward ? 14 : 4) * pairs * headDim,
    limit: 'bf16',
    // Of 0.60 forward and 0.50 backward, which is 10 of 14 operations.
    bar: backward ? 0.525 : 0.6,
    torch: { op: backward ? 'attention_both' : 'attention', ...request },
    prepare(device) {
      const q = noise(device, shape, 'bf16');
      const k = noise(device, shape, 'bf16');
      const v = noise(device, shape, 'bf16');
      const forward = () => attention(q, k, v, { causal: true });
      if (!backward) return () => scope(() => void forward());
      return () => scope(() => void gradients(() => sum(forward()), [q, k, v]));
    },
  };
});

const perceiver = [1, 4, 16, 64, 256].map((images): OpCase => {
  const [queries, features, count, dim] = [16, 257, 12, 64];
  const bytes = 2 * images * count * dim * (queries * 2 + (features + queries) * 2);
  return {
    op: 'perceiver_attention',
    shape: `${images} x ${queries} x ${features + queries} x ${count} x ${dim}`,
    dtype: 'bf16',
    work: bytes,
    limit: 'read',
    sets: setsOf(bytes),
    torch: { op: 'perceiver_attention', images, queries, features, heads: count, headDim: dim },
    prepare(device) {
      const q = noise(device, [images, queries, count, dim], 'bf16');
      const kvFeatures = noise(device, [images, features, 2, count, dim], 'bf16');
      const kvLatents = noise(device, [images, queries, 2, count, dim], 'bf16');
      return () => scope(() => void perceiverAttention(q, kvFeatures, kvLatents));
    },
  };
});

const sampling = [8192, 65536].flatMap((width) =>
  [1, 128].map((rows) => samplingCase(width, rows, setsOf(2 * rows * width * 4))),
);

/** `[name, out, in]`, of the 7B. */
const layers = [
  ['q', 4096, 4096],
  ['gate', 11008, 4096],
  ['down', 4096, 11008],
  ['head', 65536, 4096],
] as const;

const decodeProducts = layers.flatMap(([name, out, inner]) =>
  (['bf16', 'i8'] as const).flatMap((stored) =>
    [1, 2, 8, 16, 64].map((rows): OpCase => {
      const work = out * inner * (stored === 'i8' ? 1 : 2);
      return {
        op: 'linear',
        shape: `${name}, ${rows} x ${out} x ${inner}`,
        dtype: stored === 'i8' ? 'bf16 by i8' : 'bf16',
        work,
        limit: 'read',
        bar: 0.75,
        sets: setsOf(work),
        ...(stored === 'bf16' ? { torch: { op: 'linear', rows, out, in: inner } } : {}),
        prepare(device) {
          const x = noise(device, [rows, inner], 'bf16');
          const dense = noise(device, [out, inner], 'bf16', 0.03);
          if (stored === 'bf16') return () => scope(() => void linear(x, dense));
          const weight = quantiseRows(dense);
          dense.dispose();
          return () => scope(() => void linear(x, weight));
        },
      };
    }),
  ),
);

const largeProducts = layers.slice(0, 3).map(([name, out, inner]): OpCase => {
  const rows = prompt.tokens;
  return {
    op: 'linear',
    shape: `${name}, ${rows} x ${out} x ${inner}`,
    dtype: 'bf16',
    work: 2 * rows * out * inner,
    limit: 'bf16',
    torch: { op: 'linear', rows, out, in: inner },
    prepare(device) {
      const x = noise(device, [rows, inner], 'bf16');
      const weight = noise(device, [out, inner], 'bf16', 0.03);
      return () => scope(() => void linear(x, weight));
    },
  };
});

/** The most important first: time may end before they do. */
export const gpuCases: readonly OpCase[] = [
  ...decodeAttention,
  ...promptAttention,
  ...sampling,
  ...decodeProducts,
  ...perceiver,
  ...largeProducts,
];

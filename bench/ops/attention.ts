/** Attention in its four forms, at the shapes of the 7B, of CLIP and of the resampler. */

import {
  attention,
  gradients,
  type PagedCache,
  pagedAttention,
  perceiverAttention,
  scope,
  sum,
} from '../../lib/index.ts';
import { noise, type OpCase } from './case.ts';

interface Form {
  readonly name: string;
  readonly sequences: number;
  readonly tokens: number;
  readonly heads: number;
  readonly headDim: number;
  readonly causal: boolean;
}

const forms: readonly Form[] = [
  { name: '7B prompt', sequences: 1, tokens: 2400, heads: 4, headDim: 128, causal: true },
  { name: 'CLIP', sequences: 1, tokens: 257, heads: 16, headDim: 80, causal: false },
];

const selfCases = forms.flatMap((form) =>
  (['f32', 'bf16'] as const).flatMap((dtype): OpCase[] => {
    const { name, sequences, tokens, heads, headDim, causal } = form;
    const shape = [sequences, tokens, heads, headDim];
    const pairs = sequences * heads * (causal ? (tokens * (tokens + 1)) / 2 : tokens * tokens);
    const words = `${name} ${sequences} x ${tokens} x ${heads} x ${headDim}`;
    const torch = { sequences, heads, queries: tokens, keys: tokens, headDim, causal };
    const limit = dtype === 'bf16' ? 'bf16' : 'fma';
    return [
      {
        op: 'attention',
        shape: words,
        dtype,
        work: 4 * pairs * headDim,
        limit,
        bar: 0.4,
        torch: { op: 'attention', ...torch },
        prepare(device) {
          const [q, k, v] = [0, 1, 2].map(() => noise(device, shape, dtype)) as [
            ReturnType<typeof noise>,
            ReturnType<typeof noise>,
            ReturnType<typeof noise>,
          ];
          return () => scope(() => void attention(q, k, v, { causal }));
        },
      },
      {
        op: 'attention forward + backward',
        shape: words,
        dtype,
        work: 14 * pairs * headDim,
        limit,
        bar: 0.32,
        prepare(device) {
          const q = noise(device, shape, dtype);
          const k = noise(device, shape, dtype);
          const v = noise(device, shape, dtype);
          return () =>
            scope(() => void gradients(() => sum(attention(q, k, v, { causal })), [q, k, v]));
        },
      },
    ];
  }),
);

const pagedCases = [1, 2, 8, 16].map((queries): OpCase => {
  const [sequences, heads, headDim, pageTokens, keys] = [2, 32, 128, 64, 1216];
  const pagesEach = keys / pageTokens;
  return {
    op: 'paged_attention',
    shape: `${sequences} x ${queries} queries, ${keys} keys, ${heads} x ${headDim}`,
    dtype: 'bf16',
    work: 2 * sequences * keys * heads * headDim * 2,
    limit: 'read',
    prepare(device) {
      const pages = sequences * pagesEach;
      const cache: PagedCache = {
        kPages: noise(device, [pages, heads, pageTokens, headDim], 'bf16'),
        vPages: noise(device, [pages, heads, pageTokens, headDim], 'bf16'),
        table: device.from(
          Int32Array.from({ length: pages }, (_, i) => i),
          [sequences, pagesEach],
        ),
      };
      const lengths = device.from(new Int32Array(sequences).fill(keys));
      const q = noise(device, [sequences, queries, heads, headDim], 'bf16');
      return () => scope(() => void pagedAttention(q, cache, lengths));
    },
  };
});

const perceiverCases = [1, 16].flatMap((images) =>
  (['f32', 'bf16'] as const).map((dtype): OpCase => {
    const [queries, features, heads, headDim] = [16, 257, 12, 64];
    return {
      op: 'perceiver_attention',
      shape: `${images} x ${queries} x ${features + queries} x ${heads} x ${headDim}`,
      dtype,
      work: 4 * images * heads * queries * (features + queries) * headDim,
      limit: dtype === 'bf16' ? 'bf16' : 'fma',
      torch: { op: 'perceiver_attention', images, queries, features, heads, headDim },
      prepare(device) {
        const q = noise(device, [images, queries, heads, headDim], dtype);
        const kvFeatures = noise(device, [images, features, 2, heads, headDim], dtype);
        const kvLatents = noise(device, [images, queries, 2, heads, headDim], dtype);
        return () => scope(() => void perceiverAttention(q, kvFeatures, kvLatents));
      },
    };
  }),
);

export const attentionCases: readonly OpCase[] = [...selfCases, ...pagedCases, ...perceiverCases];

/** Pieces of the real networks, put together from ops: what a user of the whole would see. */

import {
  adamw,
  attention,
  crossEntropy,
  type Device,
  embedding,
  gradients,
  layerNorm,
  linear,
  pagedAttention,
  qkNormRopeCache,
  reshape,
  rmsNorm,
  rope,
  scope,
  slice,
  sum,
  swiglu,
  type Tensor,
} from '../../lib/index.ts';
import type { LlamaShape } from '../compare/gguf.ts';
import { type Float, noise, type OpCase } from './case.ts';

/** CLIP ViT-H/14: four of its 32 blocks on one picture. */
const vit = { blocks: 4, tokens: 257, dim: 1280, heads: 16, mlp: 5120 };

function vitBlock(device: Device, dtype: Float): (x: Tensor) => Tensor {
  const { dim, heads, mlp } = vit;
  const layer = (out: number, inner: number) => ({
    weight: noise(device, [out, inner], dtype, 0.05),
    bias: noise(device, [out], dtype, 0.05),
  });
  const norm = () => [noise(device, [dim], dtype), noise(device, [dim], dtype)] as const;
  const [n1, n2] = [norm(), norm()];
  const [q, k, v, o] = [layer(dim, dim), layer(dim, dim), layer(dim, dim), layer(dim, dim)];
  const [fc1, fc2] = [layer(mlp, dim), layer(dim, mlp)];
  const asHeads = (x: Tensor) => reshape(x, [1, vit.tokens, heads, dim / heads]);
  return (x) => {
    const a = layerNorm(x, ...n1);
    const projected = [q, k, v].map((l) => asHeads(linear(a, l.weight, { bias: l.bias })));
    const [qh, kh, vh] = projected as [Tensor, Tensor, Tensor];
    const mixed = reshape(attention(qh, kh, vh), x.shape);
    const h = linear(mixed, o.weight, { bias: o.bias, residual: x });
    const inner = linear(layerNorm(h, ...n2), fc1.weight, { bias: fc1.bias, function: 'gelu' });
    return linear(inner, fc2.weight, { bias: fc2.bias, residual: h });
  };
}

const vitCases = (['f32', 'bf16'] as const).map((dtype): OpCase => {
  const { blocks, tokens, dim, mlp, heads } = vit;
  const products = 2 * tokens * (4 * dim * dim + 2 * dim * mlp);
  return {
    op: 'four ViT-H/14 blocks',
    shape: `1 x ${tokens} x ${dim}`,
    dtype,
    work: blocks * (products + 4 * tokens * tokens * dim),
    limit: dtype === 'bf16' ? 'bf16' : 'fma',
    torch: { op: 'vit_block', images: 1, tokens, dim, heads, mlp, blocks },
    onnxruntime: { op: 'vit_block', images: 1, tokens, dim, heads, mlp, blocks },
    prepare(device) {
      const stack = Array.from({ length: blocks }, () => vitBlock(device, dtype));
      const x = noise(device, [1, tokens, dim], dtype);
      return () => scope(() => void stack.reduce((h, block) => block(h), x));
    },
  };
});

/** The 7B at its true width, two of its 32 layers, and a head over the image codes. */
const llm = {
  ...{ layers: 2, dim: 4096, heads: 32, headDim: 128, mlp: 11008 },
  ...{ vocabulary: 8192, pageTokens: 64 },
};

export const slice7b: LlamaShape = llm;

interface LlmLayer {
  readonly norms: readonly [Tensor, Tensor];
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly o: Tensor;
  readonly gate: Tensor;
  readonly up: Tensor;
  readonly down: Tensor;
}

function llmLayer(device: Device): LlmLayer {
  const { dim, mlp } = llm;
  const weight = (out: number, inner: number) => noise(device, [out, inner], 'bf16', 0.03);
  return {
    norms: [noise(device, [dim], 'bf16'), noise(device, [dim], 'bf16')],
    q: weight(dim, dim),
    k: weight(dim, dim),
    v: weight(dim, dim),
    o: weight(dim, dim),
    gate: weight(mlp, dim),
    up: weight(mlp, dim),
    down: weight(dim, mlp),
  };
}

const layerWeights = 4 * llm.dim * llm.dim + 3 * llm.dim * llm.mlp;
const headWeights = llm.vocabulary * llm.dim;

/** From the last layer's output [1, rows, dim] to logits of each row. */
function llmHead(device: Device): (h: Tensor) => Tensor {
  const norm = noise(device, [llm.dim], 'bf16');
  const weight = noise(device, [llm.vocabulary, llm.dim], 'bf16', 0.03);
  return (h) => linear(rmsNorm(h, norm), weight);
}

/** A layer around `mix`, which is given queries, keys and values as heads. */
function llmForward(
  layer: LlmLayer,
  x: Tensor,
  mix: (q: Tensor, k: Tensor, v: Tensor) => Tensor,
): Tensor {
  const [sequences, tokens] = x.shape as [number, number];
  const heads = (t: Tensor) => reshape(t, [sequences, tokens, llm.heads, llm.headDim]);
  const a = rmsNorm(x, layer.norms[0]);
  const y = mix(heads(linear(a, layer.q)), heads(linear(a, layer.k)), heads(linear(a, layer.v)));
  const h = linear(reshape(y, x.shape), layer.o, { residual: x });
  const b = rmsNorm(h, layer.norms[1]);
  return linear(swiglu(linear(b, layer.gate), linear(b, layer.up)), layer.down, { residual: h });
}

const prefillCases = [128, 512].map(
  (tokens): OpCase => ({
    op: '7B slice, prompt',
    shape: `${llm.layers} layers, 1 x ${tokens}`,
    dtype: 'bf16',
    work:
      llm.layers * (2 * tokens * layerWeights + 2 * tokens * tokens * llm.dim) + 2 * headWeights,
    limit: 'bf16',
    llamaCpp: { op: 'prefill', tokens },
    prepare(device) {
      const layers = Array.from({ length: llm.layers }, () => llmLayer(device));
      const head = llmHead(device);
      const x = noise(device, [1, tokens, llm.dim], 'bf16');
      const positions = device.from(
        Int32Array.from({ length: tokens }, (_, i) => i),
        [1, tokens],
      );
      const mix = (q: Tensor, k: Tensor, v: Tensor) =>
        attention(rope(q, positions), rope(k, positions), v, { causal: true });
      return () =>
        scope(() => {
          const h = layers.reduce((h, l) => llmForward(l, h, mix), x);
          head(slice(h, tokens - 1, tokens, 1));
        });
    },
  }),
);

const decodeCases = [1, 2, 8, 16].map(
  (rows): OpCase => ({
    op: '7B slice, decode step',
    shape: `${llm.layers} layers, ${rows} x 1, 256 keys`,
    dtype: 'bf16',
    work: (llm.layers * layerWeights + headWeights) * 2,
    limit: 'read',
    llamaCpp: { op: 'decode', rows, keys: 256 },
    recorded: true,
    prepare(device) {
      const { heads, headDim, pageTokens } = llm;
      const [keys, pages] = [256, (256 / pageTokens) * rows];
      const layers = Array.from({ length: llm.layers }, () => ({
        layer: llmLayer(device),
        kPages: noise(device, [pages, heads, pageTokens, headDim], 'bf16'),
        vPages: noise(device, [pages, heads, pageTokens, headDim], 'bf16'),
      }));
      const head = llmHead(device);
      const perRow = pages / rows;
      const table = device.from(
        Int32Array.from({ length: pages }, (_, i) => i),
        [rows, perRow],
      );
      const positions = device.from(new Int32Array(rows).fill(keys - 1), [rows, 1]);
      const lengths = device.from(new Int32Array(rows).fill(keys));
      const x = noise(device, [rows, 1, llm.dim], 'bf16');
      const step = () =>
        scope(() => {
          let h = x;
          for (const { layer, kPages, vPages } of layers) {
            const cache = { kPages, vPages, table };
            h = llmForward(layer, h, (q, k, v) =>
              pagedAttention(
                qkNormRopeCache(q, k, v, cache, { positions, cachePositions: positions }),
                cache,
                lengths,
              ),
            );
          }
          head(h);
        });
      step(); // once as itself, so that what it needs exists
      const graph = device.record(step);
      return () => graph.replay();
    },
  }),
);

/** A training step, forward to optimizer, of a small transformer with bf16 compute. */
const small = { layers: 6, dim: 256, heads: 4, mlp: 704, vocabulary: 1280, tokens: 256, batch: 8 };

function trainingCase(): OpCase {
  const { layers, dim, heads, mlp, vocabulary, tokens, batch } = small;
  const perLayer = 4 * dim * dim + 3 * dim * mlp;
  const weights = layers * perLayer + vocabulary * dim;
  const scores = layers * batch * (tokens * (tokens + 1)) * dim; // q k^T and p v, causal: 2 x half
  return {
    op: 'training step',
    shape: `${layers} layers x ${dim}, ${batch} x ${tokens}`,
    dtype: 'bf16',
    work: 3 * (2 * batch * tokens * weights + 2 * scores),
    limit: 'bf16',
    bar: 0.36,
    torch: { op: 'training_step', ...small },
    prepare(device) {
      const parameters: Tensor[] = [];
      const parameter = (shape: readonly number[], scale: number) => {
        const tensor = noise(device, shape, 'bf16', scale);
        parameters.push(tensor);
        return tensor;
      };
      const table = parameter([vocabulary, dim], 0.05);
      const head = parameter([vocabulary, dim], 0.05);
      const stack = Array.from({ length: layers }, () => ({
        n1: parameter([dim], 1),
        n2: parameter([dim], 1),
        q: parameter([dim, dim], 0.05),
        k: parameter([dim, dim], 0.05),
        v: parameter([dim, dim], 0.05),
        o: parameter([dim, dim], 0.05),
        gate: parameter([mlp, dim], 0.05),
        up: parameter([mlp, dim], 0.05),
        down: parameter([dim, mlp], 0.05),
      }));
      const states = parameters.map((p) => ({
        weight: noise(device, p.shape),
        m: device.zeros(p.shape),
        v: device.zeros(p.shape),
        rounded: p,
      }));
      const at = (f: (i: number) => number) =>
        device.from(
          Int32Array.from({ length: batch * tokens }, (_, i) => f(i)),
          [batch, tokens],
        );
      const ids = at((i) => (i * 31) % vocabulary);
      const labels = reshape(
        at((i) => (i * 31 + 31) % vocabulary),
        [batch * tokens],
      );
      const positions = at((i) => i % tokens);
      const rate = device.from([1e-4]);
      const one = device.from(new Int32Array([1]));
      const forward = () => {
        let x = embedding(table, ids);
        const asHeads = (t: Tensor) => reshape(t, [batch, tokens, heads, dim / heads]);
        for (const l of stack) {
          const a = rmsNorm(x, l.n1);
          const q = rope(asHeads(linear(a, l.q)), positions);
          const k = rope(asHeads(linear(a, l.k)), positions);
          const mixed = attention(q, k, asHeads(linear(a, l.v)), { causal: true });
          const h = linear(reshape(mixed, x.shape), l.o, { residual: x });
          const b = rmsNorm(h, l.n2);
          x = linear(swiglu(linear(b, l.gate), linear(b, l.up)), l.down, { residual: h });
        }
        const logits = reshape(linear(x, head), [batch * tokens, vocabulary]);
        return sum(crossEntropy(logits, labels, { zLoss: 1e-5 }));
      };
      return () =>
        scope(() => {
          const grads = gradients(forward, parameters);
          for (const [i, state] of states.entries()) {
            const grad = grads[i];
            const { weight, m, v, rounded } = state;
            if (grad) adamw(weight, grad, { m, v }, { rate, step: one, rounded });
          }
        });
    },
  };
}

export const networkCases: readonly OpCase[] = [
  ...vitCases,
  ...prefillCases,
  ...decodeCases,
  trainingCase(),
];

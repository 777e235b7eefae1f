// Ops at sizes of the real model, drawn anew for each seed: what small shapes do not reach, such as many
// tiles, long rows, indices past 2^31 bytes, and the paths that only large products take.

import type { Tensor } from '../../lib/index.ts';
import * as ops from '../../lib/index.ts';
import { uniform } from '../support/numbers.ts';

/** Values in the memory of the host, and what they become on a device. */
export interface HostTensor {
  readonly values: ArrayLike<number>;
  readonly shape: readonly number[];
  readonly dtype: 'f32' | 'bf16' | 'i32' | 'i8';
}

export interface LargeCall {
  /** The op and its sizes. */
  readonly name: string;
  readonly inputs: readonly HostTensor[];
  readonly run: (...tensors: Tensor[]) => Tensor | readonly Tensor[];
}

type Float = 'f32' | 'bf16';

/** Draws sizes and values; the same for the same seed. */
class Draw {
  private readonly next: () => number;
  private state: number;

  constructor(seed: number) {
    this.next = uniform(seed);
    this.state = (seed + 1) * 2654435761;
  }

  /** A whole number in [low, high]. */
  size(low: number, high: number): number {
    return low + Math.floor((high - low + 1) * this.next());
  }

  of<T>(...choices: readonly T[]): T {
    return choices[this.size(0, choices.length - 1)]!;
  }

  dtype(): Float {
    return this.of('bf16', 'f32');
  }

  /** Evenly from (-scale, scale). */
  noise(shape: readonly number[], dtype: Float, scale = 1): HostTensor {
    const values = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
    let state = this.state | 0 || 1;
    for (let i = 0; i < values.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      values[i] = (state / 2 ** 31) * scale;
    }
    this.state = state;
    return { values, shape, dtype };
  }

  /** From [low, high). */
  integers(shape: readonly number[], low: number, high: number): HostTensor {
    const count = shape.reduce((product, extent) => product * extent, 1);
    const values = Int32Array.from({ length: count }, () => this.size(low, high - 1));
    return { values, shape, dtype: 'i32' };
  }
}

const integers = (values: readonly number[], shape: readonly number[]): HostTensor => ({
  values: Int32Array.from(values),
  shape,
  dtype: 'i32',
});

/** Results, then the gradients of the sum of their squares by `wrt`. */
function withGradients(op: () => Tensor, wrt: readonly Tensor[]): Tensor[] {
  const loss = () => {
    const y = ops.cast(op(), 'f32');
    return ops.mean(ops.multiply(y, y));
  };
  return [op(), ...ops.gradients(loss, wrt)];
}

type Maker = (draw: Draw) => LargeCall;

const prompt: Maker = (draw) => {
  const dtype = draw.dtype();
  const [rows, out, inner] = [draw.size(65, 700), draw.size(40, 700) * 8, draw.size(40, 600) * 8];
  return {
    name: `linear ${rows} x ${out} x ${inner} ${dtype}, bias, gelu`,
    inputs: [
      draw.noise([rows, inner], dtype),
      draw.noise([out, inner], dtype, 0.05),
      draw.noise([out], dtype),
    ],
    run: (x, weight, bias) => ops.linear(x!, weight!, { bias: bias!, function: 'gelu' }),
  };
};

const odd: Maker = (draw) => {
  const dtype = draw.dtype();
  const [rows, out, inner] = [draw.size(65, 500), draw.size(65, 900), draw.size(65, 900)];
  return {
    name: `linear ${rows} x ${out} x ${inner} ${dtype}, residual`,
    inputs: [
      draw.noise([rows, inner], dtype),
      draw.noise([out, inner], dtype, 0.05),
      draw.noise([rows, out], dtype),
    ],
    run: (x, weight, residual) => ops.linear(x!, weight!, { residual: residual! }),
  };
};

const decode =
  (quantised: boolean): Maker =>
  (draw) => {
    const [rows, out] = [draw.size(1, 64), draw.size(64, 1400) * 8];
    const inner = draw.of(1536, 4096, 11008);
    return {
      name: `linear ${rows} x ${out} x ${inner} ${quantised ? 'bf16 by i8' : 'bf16'}`,
      inputs: [draw.noise([rows, inner], 'bf16'), draw.noise([out, inner], 'bf16', 0.05)],
      run: (x, weight) => ops.linear(x!, quantised ? ops.quantiseRows(weight!) : weight!),
    };
  };

const lora: Maker = (draw) => {
  const [rows, out, inner, rank] = [draw.size(300, 900), draw.size(60, 300) * 8, 1024, 4];
  return {
    name: `linear ${rows} x ${out} x ${inner} bf16 with LoRA, and gradients`,
    inputs: [
      draw.noise([rows, inner], 'bf16'),
      draw.noise([out, inner], 'bf16', 0.05),
      draw.noise([inner, rank], 'bf16', 0.2),
      draw.noise([rank, out], 'bf16', 0.2),
    ],
    run: (x, weight, a, b) =>
      withGradients(() => ops.linear(x!, weight!, { lora: { a: a!, b: b! } }), [x!, a!, b!]),
  };
};

const product: Maker = (draw) => {
  const dtype = draw.dtype();
  const [rows, columns, inner] = [draw.size(65, 600), draw.size(65, 600), draw.size(200, 900)];
  return {
    name: `matmul ${rows} x ${columns} x ${inner} ${dtype}, transposed, and gradients`,
    inputs: [draw.noise([inner, rows], dtype), draw.noise([columns, inner], dtype, 0.1)],
    run: (a, b) =>
      withGradients(() => ops.matmul(a!, b!, { transposeA: true, transposeB: true }), [a!, b!]),
  };
};

const attention: Maker = (draw) => {
  const dtype = draw.dtype();
  const [sequences, headDim, kvHeads] = [draw.size(1, 2), draw.of(64, 80, 128), draw.of(2, 4)];
  const queries = draw.size(100, 700);
  const causal = draw.of(true, false);
  const keys = causal ? queries : draw.size(100, 700);
  const kv = [sequences, keys, kvHeads, headDim];
  return {
    name:
      `attention ${sequences} x ${queries} x ${keys} x 4 of ${kvHeads} x ${headDim} ${dtype}` +
      `${causal ? ', causal' : ''}, and gradients`,
    inputs: [
      draw.noise([sequences, queries, 4, headDim], dtype, 2),
      draw.noise(kv, dtype, 2),
      draw.noise(kv, dtype),
    ],
    run: (q, k, v) => withGradients(() => ops.attention(q!, k!, v!, { causal }), [q!, k!, v!]),
  };
};

const paged: Maker = (draw) => {
  const [sequences, queries, heads] = [draw.size(1, 12), draw.of(1, 2, 5, 16, 64), 8];
  const [kvHeads, headDim, pageTokens] = [draw.of(2, 8), draw.of(64, 128), draw.of(16, 64)];
  const longest = draw.size(queries, 2500);
  const pagesEach = Math.ceil(longest / pageTokens);
  const pages = sequences * pagesEach;
  const lengths = Array.from({ length: sequences }, () => draw.size(queries, longest));
  const shuffled = Array.from({ length: pages }, (_, i) => (i * 7919 + 3) % pages);
  const distinct = new Set(shuffled).size === pages ? shuffled : shuffled.map((_, i) => i);
  return {
    name:
      `paged_attention ${sequences} x ${queries} of ${longest} keys, ` +
      `${heads} of ${kvHeads} x ${headDim}, pages of ${pageTokens}`,
    inputs: [
      draw.noise([sequences, queries, heads, headDim], 'bf16', 2),
      draw.noise([pages, kvHeads, pageTokens, headDim], 'bf16', 2),
      draw.noise([pages, kvHeads, pageTokens, headDim], 'bf16'),
      integers(distinct, [sequences, pagesEach]),
      integers(lengths, [sequences]),
    ],
    run: (q, kPages, vPages, table, lengths) =>
      ops.pagedAttention(q!, { kPages: kPages!, vPages: vPages!, table: table! }, lengths!),
  };
};

const cached: Maker = (draw) => {
  const [sequences, tokens] = [draw.size(1, 6), draw.size(1, 40)];
  const [heads, kvHeads, headDim, pageTokens] = [32, draw.of(8, 32), 128, 64];
  const pages = sequences * 2;
  const positions = Array.from({ length: sequences * tokens }, (_, i) => 5 + (i % tokens));
  const norm = [heads, heads, kvHeads, kvHeads].map((n) => draw.noise([n, headDim], 'bf16'));
  return {
    name: `qk_norm_rope_cache ${sequences} x ${tokens} x ${heads} of ${kvHeads} x ${headDim}`,
    inputs: [
      draw.noise([sequences, tokens, heads, headDim], 'bf16'),
      draw.noise([sequences, tokens, kvHeads, headDim], 'bf16'),
      draw.noise([sequences, tokens, kvHeads, headDim], 'bf16'),
      draw.noise([pages, kvHeads, pageTokens, headDim], 'bf16'),
      draw.noise([pages, kvHeads, pageTokens, headDim], 'bf16'),
      integers(positions, [sequences, tokens]),
      integers(
        Array.from({ length: pages }, (_, i) => pages - 1 - i),
        [sequences, 2],
      ),
      ...norm,
    ],
    run: (q, k, v, kPages, vPages, positions, table, qWeight, qBias, kWeight, kBias) => {
      const cache = { kPages: kPages!, vPages: vPages!, table: table! };
      const norm = { qWeight: qWeight!, qBias: qBias!, kWeight: kWeight!, kBias: kBias! };
      const y = ops.qkNormRopeCache(q!, k!, v!, cache, { positions: positions!, norm });
      return [y, kPages!, vPages!];
    },
  };
};

const perceiver: Maker = (draw) => {
  const dtype = draw.dtype();
  const [images, queries, features] = [draw.size(1, 5), draw.of(8, 16), draw.of(65, 257)];
  const [heads, headDim] = [12, 64];
  return {
    name: `perceiver_attention ${images} x ${queries} x ${features + queries} ${dtype}, and gradients`,
    inputs: [
      draw.noise([images, queries, heads, headDim], dtype, 2),
      draw.noise([images, features, 2, heads, headDim], dtype, 2),
      draw.noise([images, queries, 2, heads, headDim], dtype, 2),
    ],
    run: (q, features, latents) =>
      withGradients(
        () => ops.perceiverAttention(q!, features!, latents!),
        [q!, features!, latents!],
      ),
  };
};

const sample: Maker = (draw) => {
  const [rows, width] = [draw.size(1, 128), draw.of(8192, 65536)];
  const each = (values: () => readonly number[]) => Array.from({ length: rows }, values).flat();
  const settings = (): readonly number[] => [
    draw.of(1, 4),
    draw.of(0.7, 1),
    draw.of(1, 0.9),
    draw.of(0, 0.001),
  ];
  return {
    name: `sample ${rows} x ${width}`,
    inputs: [
      draw.noise([rows, width], 'f32', 8),
      draw.noise([rows, width], 'f32', 4),
      integers(
        each(() => [draw.size(0, 50), width - draw.size(0, 50)]),
        [rows, 2],
      ),
      integers(
        each(() => [draw.of(0, 1, 50, 2000)]),
        [rows],
      ),
      { values: each(settings), shape: [rows, 4], dtype: 'f32' },
      draw.integers([rows, 2], -1e6, 1e6),
      draw.integers([rows], 0, 3000),
    ],
    run: (logits, uncond, range, topK, settings, seeds, positions) => {
      const drawn = ops.sample(logits!, {
        ...{ uncond, range: range!, topK: topK!, settings: settings!, seeds: seeds! },
        ...{ positions: positions!, withLogProbs: true },
      });
      return [drawn.tokens, drawn.logProbs!];
    },
  };
};

const crossEntropy: Maker = (draw) => {
  const dtype = draw.dtype();
  const [rows, classes] = [draw.size(20, 200), draw.of(8192, 65536)];
  return {
    name: `cross_entropy ${rows} x ${classes} ${dtype}, and gradients`,
    inputs: [draw.noise([rows, classes], dtype, 6), draw.integers([rows], -1, classes)],
    run: (logits, labels) =>
      withGradients(() => ops.crossEntropy(logits!, labels!, { zLoss: 1e-3 }), [logits!]),
  };
};

const convolution: Maker = (draw) => {
  const dtype = draw.dtype();
  const [side, inner, out] = [draw.size(17, 70), draw.of(3, 64, 128), draw.of(3, 64, 128, 256)];
  const [kernel, stride] = draw.of([3, 1], [1, 1], [3, 2]);
  const padding = stride === 2 ? ([0, 1, 0, 1] as const) : kernel! >> 1;
  return {
    name: `conv2d ${side} x ${side}, ${inner} to ${out}, ${kernel} by ${stride} ${dtype}, and gradients`,
    inputs: [
      draw.noise([2, side, side, inner], dtype),
      draw.noise([out, kernel!, kernel!, inner], dtype, 0.1),
    ],
    run: (x, weight) =>
      withGradients(() => ops.conv2d(x!, weight!, { padding, stride: stride! }), [x!, weight!]),
  };
};

const groupNorm: Maker = (draw) => {
  const dtype = draw.dtype();
  const [side, channels] = [draw.size(30, 130), draw.of(64, 128, 256)];
  return {
    name: `group_norm ${side} x ${side} x ${channels} ${dtype}, silu, and gradients`,
    inputs: [
      draw.noise([2, side, side, channels], dtype),
      draw.noise([channels], dtype),
      draw.noise([channels], dtype),
    ],
    run: (x, weight, bias) =>
      withGradients(() => ops.groupNorm(x!, weight!, bias!, { silu: true }), [x!, weight!, bias!]),
  };
};

const norm: Maker = (draw) => {
  const dtype = draw.dtype();
  const [rows, width] = [draw.size(100, 900), draw.of(1280, 4096, 4099)];
  const layer = draw.of(true, false);
  return {
    name: `${layer ? 'layer_norm' : 'rms_norm'} ${rows} x ${width} ${dtype}, and gradients`,
    inputs: [
      draw.noise([rows, width], dtype),
      draw.noise([width], dtype),
      draw.noise([width], dtype),
    ],
    run: (x, weight, bias) =>
      layer
        ? withGradients(() => ops.layerNorm(x!, weight!, bias!), [x!, weight!, bias!])
        : withGradients(() => ops.rmsNorm(x!, weight!), [x!, weight!]),
  };
};

const embedding: Maker = (draw) => {
  const [classes, width, count] = [draw.of(8192, 65536), draw.of(256, 512), draw.size(500, 3000)];
  return {
    name: `embedding ${count} of ${classes} x ${width} bf16, and gradients`,
    inputs: [draw.noise([classes, width], 'bf16'), draw.integers([count], 0, classes)],
    run: (table, ids) => withGradients(() => ops.gather(table!, ids!), [table!]),
  };
};

const elements: Maker = (draw) => {
  const dtype = draw.dtype();
  const shape = [draw.size(100, 500), draw.of(11008, 4999)];
  return {
    name: `swiglu, gelu and permute ${shape.join(' x ')} ${dtype}, and gradients`,
    inputs: [draw.noise(shape, dtype, 4), draw.noise(shape, dtype, 4)],
    run: (gate, up) =>
      withGradients(() => ops.permute(ops.gelu(ops.swiglu(gate!, up!)), [1, 0]), [gate!, up!]),
  };
};

const optimiser: Maker = (draw) => {
  const count = draw.size(1 << 20, 1 << 22);
  return {
    name: `adamw ${count}, and the length of its gradient`,
    inputs: [
      draw.noise([count], 'f32'),
      draw.noise([count], 'f32'),
      { values: new Float32Array([0.01]), shape: [1], dtype: 'f32' },
      integers([3], [1]),
    ],
    run: (weight, grad, rate, step) => {
      const [m, v] = [weight!.device.zeros([count]), weight!.device.zeros([count])];
      const clip = ops.clipFactor(ops.sumSquares([grad!]), { maxNorm: 1 });
      ops.adamw(weight!, grad!, { m, v }, { rate: rate!, step: step!, decay: 0.1 });
      return [weight!, m, v, clip];
    },
  };
};

const codes: Maker = (draw) => {
  const [count, size, width] = [draw.size(200, 2400), draw.of(1024, 8192), draw.of(16, 256)];
  return {
    name: `nearest_code ${count} of ${size} x ${width}`,
    inputs: [draw.noise([count, width], 'f32'), draw.noise([size, width], 'f32')],
    run: (x, codebook) => ops.nearestCode(x!, codebook!),
  };
};

const makers: readonly Maker[] = [
  ...[prompt, odd, decode(false), decode(true), lora, product],
  ...[attention, paged, cached, perceiver, sample],
  ...[crossEntropy, convolution, groupNorm, norm, embedding, elements, optimiser, codes],
];

/** One call of each kind, made when it is asked for, since their inputs are large. */
export function* largeCalls(seed: number): Generator<LargeCall> {
  for (const [i, make] of makers.entries()) yield make(new Draw(1000 * seed + i));
}

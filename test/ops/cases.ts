// Every op once, forward and backward, at a shape that several threads share: what the tests that
// claim something of all ops run. The key is the op's name in the native list.
import type { Tensor } from '../../lib/index.ts';
import * as ops from '../../lib/index.ts';
import type { OpArgs } from '../../lib/tensor/op_args.ts';
import { given, type Input, input, integers } from '../support/numbers.ts';

const { gradients, multiply, sum } = ops;

/** A call of an op: what is uploaded for it, and what it makes of that. */
export interface Call {
  readonly inputs: readonly Input[];
  readonly run: (...tensors: Tensor[]) => Tensor | readonly Tensor[];
}

const forward = (inputs: readonly Input[], run: Call['run']): Call => ({ inputs, run });

/** The gradients of the sum of `op`'s squares by the inputs that are not constant. */
const backward = (inputs: readonly Input[], op: (...tensors: Tensor[]) => Tensor): Call => ({
  inputs,
  run: (...tensors) =>
    gradients(
      () => {
        const y = op(...tensors);
        return sum(multiply(y, y));
      },
      tensors.filter((_, i) => !inputs[i]!.constant),
    ),
});

const of = (shape: readonly number[], seed: number, scale = 1) =>
  input(shape, seed, { dtype: 'bf16', scale });
const single = (shape: readonly number[], seed: number) => input(shape, seed);
const seed = given([5, -9]);

/** The calls, by op; `n` makes most of them larger. */
export function casesOf(n: number): Readonly<Record<keyof OpArgs, Call>> {
  const rows = [of([23 * n, 131], 1), of([131], 2), of([131], 3)] as const;
  const image = [of([2, 7 * n, 9, 12], 1), of([12], 2), of([12], 3)] as const;
  // Where n is large the CPU makes all three products by squares (native/cpu/winograd.h).
  const wide = of([2, 7 * n, 9, 18], 1);
  const kernel = of([17, 3, 3, 18], 2, 0.1);
  const heads = [
    of([2, 37 * n, 4, 24], 1),
    of([2, 41 * n, 2, 24], 2),
    of([2, 41 * n, 2, 24], 3),
  ] as const;
  const segments = [
    of([2, 9, 3, 16], 1),
    of([2, 33 * n, 2, 3, 16], 2),
    of([2, 9, 2, 3, 16], 3),
  ] as const;
  const logits = [of([9 * n, 517], 1, 2), integers([9 * n], 2, -1, 517)] as const;
  const table = [of([40, 67], 1), integers([5 * n, 7], 2, 0, 40)] as const;
  const tokens = [of([3, 11 * n, 2, 16], 1), integers([3, 11 * n], 2, 0, 500)] as const;

  const optimised = forward(
    [
      ...[1, 2, 3].map((seed) => single([5003 * n], seed)),
      given(
        Array.from({ length: 5003 * n }, (_, i) => (i % 7) / 3),
        [5003 * n],
        'f32',
      ),
      given([0.01], [1], 'f32'),
      given([3]),
    ],
    (weight, grad, m, v, rate, step) => {
      ops.adamw(weight!, grad!, { m: m!, v: v! }, { rate: rate!, step: step!, decay: 0.1 });
      return [weight!, m!, v!];
    },
  );

  const advanced = forward([integers([4099 * n], 1, -9, 9), given([4])], (x, step) => {
    ops.advance(x!, step!);
    return x!;
  });

  const filled = forward([single([4099 * n], 1)], (y) => {
    ops.fill(y!, 2.5);
    return y!;
  });

  const cached = forward(
    [
      of([2, 5, 4, 24], 1),
      of([2, 5, 2, 24], 2),
      of([2, 5, 2, 24], 3),
      of([6, 2, 4, 24], 4),
      of([6, 2, 4, 24], 5),
      given([3, 4, 5, 6, 7, 0, 1, 2, 3, 4], [2, 5]),
      given([5, 3, 1, 4, 2, 0], [2, 3]),
    ],
    (q, k, v, kPages, vPages, positions, table) => {
      const cache = { kPages: kPages!, vPages: vPages!, table: table! };
      const y = ops.qkNormRopeCache(q!, k!, v!, cache, { positions: positions! });
      return [y, kPages!, vPages!];
    },
  );

  const paged = forward(
    [
      of([5, 3, 4, 24], 1),
      of([45, 2, 8, 24], 2),
      of([45, 2, 8, 24], 3),
      given(
        Array.from({ length: 45 }, (_, i) => 44 - i),
        [5, 9],
      ),
      given([70, 3, 19, 66, 41]),
    ],
    (q, kPages, vPages, table, lengths) =>
      ops.pagedAttention(q!, { kPages: kPages!, vPages: vPages!, table: table! }, lengths!),
  );

  const sampled = forward(
    [
      of([7, 700], 1, 3),
      of([7, 700], 2, 3),
      given([...Array(7)].fill([3, 690]).flat(), [7, 2]),
      given([0, 5, 100, 300, 700, 1, 50]),
      given([...Array(7)].fill([4, 0.9, 0.95, 0.001]).flat(), [7, 4], 'f32'),
      integers([7, 2], 3, -1e6, 1e6),
      integers([7], 4, 0, 3000),
    ],
    (logits, uncond, range, topK, settings, seeds, positions) => {
      const { tokens, logProbs } = ops.sample(logits!, {
        uncond,
        range: range!,
        topK: topK!,
        settings: settings!,
        seeds: seeds!,
        positions: positions!,
        withLogProbs: true,
      });
      return [tokens, logProbs!];
    },
  );

  const normed = (x?: Tensor, weight?: Tensor, bias?: Tensor) => ops.layerNorm(x!, weight!, bias!);
  const grouped = (x?: Tensor, weight?: Tensor, bias?: Tensor) =>
    ops.groupNorm(x!, weight!, bias!, { groups: 4, silu: true });
  const attended = (q?: Tensor, k?: Tensor, v?: Tensor) =>
    ops.attention(q!, k!, v!, { causal: true });
  const looked = (q?: Tensor, features?: Tensor, latents?: Tensor) =>
    ops.perceiverAttention(q!, features!, latents!);
  const convolved = (x?: Tensor, weight?: Tensor) => ops.conv2d(x!, weight!, { padding: 1 });
  const lossOf = (logits?: Tensor, labels?: Tensor) =>
    ops.crossEntropy(logits!, labels!, { zLoss: 1e-3 });

  return {
    adamw: optimised,
    add: forward(rows, (x, y) => ops.add(x!, y!, { beta: 3 })),
    advance: advanced,
    attention: forward(heads, attended),
    attention_backward: backward(heads, attended),
    cast: forward([single([5003 * n], 1)], (x) => ops.cast(x!, 'bf16')),
    clip_factor: forward([single([5003 * n], 1)], (x) =>
      ops.clipFactor(ops.sumSquares([x!]), { maxNorm: 3 }),
    ),
    conv2d: forward([wide, kernel], convolved),
    conv2d_backward_input: backward([wide, { ...kernel, constant: true }], convolved),
    conv2d_backward_weight: backward([{ ...wide, constant: true }, kernel], convolved),
    copy_slice: forward([of([9 * n, 41, 13], 1)], (x) => ops.slice(x!, 3, 38, 1)),
    cross_entropy: forward(logits, lossOf),
    cross_entropy_backward: backward(logits, lossOf),
    dequantise: forward([single([17 * n, 301], 1)], (x) =>
      ops.dequantiseRows(ops.quantiseRows(x!), 'bf16'),
    ),
    dropout: forward([of([5003 * n], 1), seed], (x, seed) => ops.dropout(x!, seed!, { p: 0.3 })),
    embedding: forward(table, ops.gather),
    embedding_backward: backward(table, ops.gather),
    fill: filled,
    gaussian_noise: forward([of([5003 * n], 1), seed], (x, seed) => ops.gaussianNoise(x!, seed!)),
    group_norm: forward(image, grouped),
    group_norm_backward: backward(image, grouped),
    l2_normalise: forward([rows[0]], (x) => ops.l2Normalise(x!)),
    l2_normalise_backward: backward([rows[0]], (x) => ops.l2Normalise(x!)),
    layer_norm: forward(rows, normed),
    layer_norm_backward: backward(rows, normed),
    linear: forward([rows[0], of([67, 131], 5, 0.1), of([67], 6)], (x, weight, bias) =>
      ops.linear(x!, weight!, { bias: bias!, function: 'gelu' }),
    ),
    matmul: forward([single([70 * n, 131], 1), single([131, 67], 2)], (a, b) => ops.matmul(a!, b!)),
    multiply: forward(rows, (x, y) => ops.multiply(x!, y!)),
    nearest_code: forward([single([33 * n, 24], 1), single([70, 24], 2)], ops.nearestCode),
    paged_attention: paged,
    perceiver_attention: forward(segments, looked),
    perceiver_attention_backward: backward(segments, looked),
    permute: forward([of([9 * n, 41, 13], 1)], (x) => ops.permute(x!, [2, 0, 1])),
    pointwise: forward([of([5003 * n], 1)], ops.gelu),
    pointwise_backward: backward([of([5003 * n], 1)], ops.gelu),
    qk_norm_rope_cache: cached,
    quantise: forward([single([17 * n, 301], 1)], (x) => {
      const { weight, scale } = ops.quantiseRows(x!);
      return [weight, scale];
    }),
    repeat: forward([of([131], 1)], (x) => ops.repeat(x!, [40 * n, 131])),
    rms_norm: forward(rows, (x, weight) => ops.rmsNorm(x!, weight!)),
    rms_norm_backward: backward(rows.slice(0, 2), (x, weight) => ops.rmsNorm(x!, weight!)),
    rope: forward(tokens, (x, positions) => ops.rope(x!, positions!)),
    sample: sampled,
    sum_rows: forward([of([301 * n, 67], 1)], (x) => ops.sumRows(x!, [67])),
    sum_squares: forward([single([5003 * n], 1)], (x) => ops.sumSquares([x!])),
    swiglu: forward([of([5003 * n], 1), of([5003 * n], 2)], ops.swiglu),
    swiglu_backward: backward([of([5003 * n], 1), of([5003 * n], 2)], ops.swiglu),
    upsample: forward([image[0]], (x) => ops.upsample(x!)),
    upsample_backward: backward([image[0]], (x) => ops.upsample(x!)),
  };
}

export const cases = casesOf(1);

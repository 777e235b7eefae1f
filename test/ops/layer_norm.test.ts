import { describe, test } from 'vitest';
import { layerNorm } from '../../lib/index.ts';
import { input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
} from '../support/op_case.ts';

type Float = 'f32' | 'bf16';
const eps = 1e-5;

/** Row `r` of x is head `r % heads`, and uses row `head / (heads / groups)` of the weights. */
function definition(
  x: Float64Array,
  weight: Float64Array,
  bias: Float64Array,
  dim: number,
  heads: number,
): Float64Array {
  const groups = weight.length / dim;
  const y = new Float64Array(x.length);
  for (let r = 0; r < x.length / dim; r++) {
    const row = x.subarray(r * dim, r * dim + dim);
    const mean = row.reduce((a, b) => a + b, 0) / dim;
    const variance = row.reduce((sum, u) => sum + (u - mean) ** 2, 0) / dim;
    const at = Math.floor((r % heads) / (heads / groups)) * dim;
    y.set(
      row.map((v, i) => ((v - mean) / Math.sqrt(variance + eps)) * weight[at + i]! + bias[at + i]!),
      r * dim,
    );
  }
  return y;
}

const normed = (
  dtype: Float,
  weightDtype: Float,
  shape: readonly number[],
  weight: readonly number[] = shape.slice(-1),
): OpCase => ({
  inputs: [
    input(shape, 1, { dtype, mean: 0.5 }),
    input(weight, 2, { dtype: weightDtype, mean: 1, scale: 0.5 }),
    input(weight, 3, { dtype: weightDtype }),
  ],
  op: (x, weight, bias) => layerNorm(x!, weight!, bias!, { eps }),
  definition: (x, w, b) =>
    definition(x!, w!, b!, shape.at(-1)!, weight.length === 2 ? shape.at(-2)! : 1),
  roundings: dtype === 'bf16' ? 1.2 : 16, // of the statistics and of four operations
  gradientRoundings: dtype === 'bf16' ? 4 : 32,
});

onEveryDevice('layerNorm', (device) => {
  describe.each([
    ['f32', 'f32'],
    ['bf16', 'bf16'],
    ['bf16', 'f32'],
  ] as const)('%s with weights in %s', (dtype, weightDtype) => {
    test.each([
      [[1, 2], [2]],
      [[3, 7], [7]],
      [[5, 257], [257]],
      [[2, 3, 1280], [1280]],
      [
        [2, 3, 4, 128],
        [1, 128],
      ],
      [
        [1, 5, 6, 64],
        [3, 64],
      ],
      [
        [1, 2, 4, 80],
        [4, 80],
      ],
    ])('is its definition on %j, weights %j', (shape, weight) =>
      expectDefinition(device, normed(dtype, weightDtype, shape, weight)),
    );

    test.each([
      [[3, 70], [70]],
      [[33, 5], [5]],
      [
        [2, 3, 4, 10],
        [2, 10],
      ],
    ])('has the gradient of its definition on %j, weights %j', (shape, weight) =>
      expectGradient(device, normed(dtype, weightDtype, shape, weight)),
    );
  });

  test('keeps its precision far from 0', () =>
    expectDefinition(device, {
      ...normed('f32', 'f32', [3, 257]),
      inputs: [
        input([3, 257], 1, { mean: 300 }),
        input([257], 2, { mean: 1, scale: 0.5 }),
        input([257], 3),
      ],
      roundings: 16 * 300, // x - mean keeps the rounding that x was stored with
    }));

  test('refuses what does not fit', () => {
    const of = (...shape: number[]) => device.tensor(shape);
    expectRefusal(
      () => layerNorm(of(2, 8), of(9), of(9)),
      'ERR_SHAPE',
      'layer_norm: expected weight to be [8], got [9]',
    );
    expectRefusal(
      () => layerNorm(of(2, 4, 8), of(3, 8), of(3, 8)),
      'ERR_SHAPE',
      'layer_norm: expected weight to be [groups, 8] with groups dividing the 4 heads, got [3, 8]',
    );
    expectRefusal(
      () => layerNorm(of(2, 8), of(8), of(7)),
      'ERR_SHAPE',
      'layer_norm: expected bias to be [8], got [7]',
    );
    expectRefusal(
      () => layerNorm(of(2, 8), of(8), of(8), { eps: -1 }),
      'ERR_VALUE',
      'layer_norm: expected eps to be positive, got -1',
    );
  });
});

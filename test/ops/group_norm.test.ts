import { describe, test } from 'vitest';
import { groupNorm, groupNormInto, scope } from '../../lib/index.ts';
import { functions } from '../support/functions.ts';
import { count, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectClose,
  expectDefinition,
  expectGradient,
  expectRefusal,
  expectSameBits,
  type OpCase,
  take,
  upload,
} from '../support/op_case.ts';

type Float = 'f32' | 'bf16';
const eps = 1e-6;

function definition(
  x: Float64Array,
  weight: Float64Array,
  bias: Float64Array,
  pixels: number,
  groups: number,
  f: (x: number) => number,
): Float64Array {
  const channels = weight.length;
  const per = channels / groups;
  const y = new Float64Array(x.length);
  for (let n = 0; n < x.length / (pixels * channels); n++)
    for (let g = 0; g < groups; g++) {
      const at: number[] = [];
      for (let p = 0; p < pixels; p++)
        for (let c = 0; c < per; c++) at.push((n * pixels + p) * channels + g * per + c);
      const mean = at.reduce((sum, i) => sum + x[i]!, 0) / at.length;
      const variance = at.reduce((sum, i) => sum + (x[i]! - mean) ** 2, 0) / at.length;
      for (const i of at) {
        const c = i % channels;
        y[i] = f(((x[i]! - mean) / Math.sqrt(variance + eps)) * weight[c]! + bias[c]!);
      }
    }
  return y;
}

const normed = (
  dtype: Float,
  weightDtype: Float,
  shape: readonly number[],
  groups: number,
  silu: boolean,
): OpCase => ({
  inputs: [
    input(shape, 1, { dtype, mean: 0.5 }),
    input(shape.slice(-1), 2, { dtype: weightDtype, mean: 1, scale: 0.5 }),
    input(shape.slice(-1), 3, { dtype: weightDtype }),
  ],
  op: (x, weight, bias) => groupNorm(x!, weight!, bias!, { groups, silu, eps }),
  definition: (x, w, b) =>
    definition(x!, w!, b!, count(shape.slice(1, 3)), groups, functions[silu ? 'silu' : 'none']),
  roundings: dtype === 'bf16' ? 1.2 : 24,
  gradientRoundings: dtype === 'bf16' ? 4 : 48,
});

onEveryDevice('groupNorm', (device) => {
  describe.each([
    ['f32', 'f32'],
    ['bf16', 'bf16'],
    ['bf16', 'f32'],
  ] as const)('%s with weights in %s', (dtype, weightDtype) => {
    test.each([
      [[1, 1, 2, 1], 1, false],
      [[2, 3, 5, 6], 3, true],
      [[1, 7, 7, 64], 32, true],
      [[2, 4, 9, 128], 32, false],
      [[1, 2, 3, 35], 7, true],
    ])('is its definition on %j in %i groups, silu %j', (shape, groups, silu) =>
      expectDefinition(device, normed(dtype, weightDtype, shape, groups, silu)),
    );

    test.each([
      [[2, 3, 5, 6], 3, true],
      [[1, 2, 3, 35], 7, false],
      [[2, 5, 5, 32], 32, true],
    ])('has the gradient of its definition on %j in %i groups, silu %j', (shape, groups, silu) =>
      expectGradient(device, normed(dtype, weightDtype, shape, groups, silu)),
    );
  });

  test('groupNormInto makes the same bits in place, and returns the statistics', async () => {
    const inputs = [input([2, 3, 5, 6], 1), input([6], 2), input([6], 3)] as const;
    const { y, x, statistics } = scope(() => {
      const [x, weight, bias] = inputs.map((one) => upload(device, one));
      const y = groupNorm(x!, weight!, bias!, { groups: 3, silu: true });
      const statistics = groupNormInto(x!, x!, weight!, bias!, { groups: 3, silu: true });
      return { y, x: x!, statistics };
    });
    expectSameBits([await take(x)], [await take(y)]);
    const expected = [0, 1].flatMap((image) =>
      [0, 1, 2].flatMap((group) => {
        const values = inputs[0].values.filter(
          (_, i) => Math.floor(i / 90) === image && Math.floor((i % 6) / 2) === group,
        );
        const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
        const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
        return [mean, 1 / Math.sqrt(variance + eps)];
      }),
    );
    expectClose(await take(statistics), expected, 8);
  });

  test('refuses what does not fit', () => {
    const of = (...shape: number[]) => device.tensor(shape);
    expectRefusal(
      () => groupNorm(of(1, 2, 2, 6), of(6), of(6), { groups: 4 }),
      'ERR_VALUE',
      'group_norm: expected groups to be a divisor of the 6 channels, got 4',
    );
    expectRefusal(
      () => groupNorm(of(4, 6), of(6), of(6), { groups: 2 }),
      'ERR_SHAPE',
      'group_norm: expected x to be [images, height, width, channels], got [4, 6]',
    );
    expectRefusal(
      () => groupNorm(of(1, 2, 2, 6), of(5), of(5), { groups: 2 }),
      'ERR_SHAPE',
      'group_norm: expected weight to be [6], got [5]',
    );
  });
});

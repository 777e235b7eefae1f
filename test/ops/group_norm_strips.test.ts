import { expect, test } from 'vitest';
import {
  type Device,
  gradients,
  groupNorm,
  joinStatistics,
  normStrip,
  scope,
  slice,
  stripStatistics,
  sum,
  type Tensor,
} from '../../lib/index.ts';
import { type Input, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectRefusal, take, upload } from '../support/op_case.ts';

const eps = 1e-6;

/** The rows of each strip, normed by what the statistics of all strips come to. */
async function normed(
  device: Device,
  inputs: readonly Input[],
  heights: readonly number[],
  groups: number,
  silu: boolean,
): Promise<Float64Array> {
  const parts = scope(() => {
    const [x, weight, bias] = inputs.map((one) => upload(device, one)) as [Tensor, Tensor, Tensor];
    let begin = 0;
    const strips = heights.map((height) => {
      begin += height;
      return slice(x, begin - height, begin, 1);
    });
    const affine = joinStatistics(
      strips.map((strip) => stripStatistics(strip, { groups, eps })),
      strips.map((strip) => strip.shape[1]! * strip.shape[2]!),
      weight,
      bias,
    );
    return strips.map((strip) => normStrip(strip, affine, silu));
  });
  const values = await Promise.all(parts.map(take));
  return Float64Array.from(values.flatMap((part) => [...part]));
}

onEveryDevice('groupNorm in strips', (device) => {
  test.each([
    [[7], 5, 64, 32, true],
    [[3, 3, 1], 5, 64, 32, true],
    [[1, 1, 1, 1, 1], 3, 6, 3, false],
    [[4, 2], 9, 35, 7, true],
  ])(
    'of heights %j is groupNorm but for roundings',
    async (heights, width, channels, groups, silu) => {
      const height = heights.reduce((a, b) => a + b);
      const inputs = [
        input([1, height, width, channels], 1, { mean: 3, scale: 0.5 }),
        input([channels], 2, { mean: 1, scale: 0.5 }),
        input([channels], 3),
      ];
      const whole = scope(() => {
        const [x, weight, bias] = inputs.map((one) => upload(device, one));
        return groupNorm(x!, weight!, bias!, { groups, silu, eps });
      });
      // groupNorm itself is allowed 24; a mean of six deviations makes a rounding of x six of the result.
      expectClose(await normed(device, inputs, heights, groups, silu), await take(whole), 96);
    },
  );

  test('keeps strips of equal values apart from each other', async () => {
    // Within each strip nothing varies, so all variance is that of the means.
    const x = { values: Float64Array.of(1, 1, 3, 3), shape: [1, 2, 2, 1], dtype: 'f32' } as const;
    const ones = { values: Float64Array.of(1), shape: [1], dtype: 'f32' } as const;
    const zeros = { values: Float64Array.of(0), shape: [1], dtype: 'f32' } as const;
    const got = await normed(device, [x, ones, zeros], [1, 1], 1, false);
    expectClose(got, [-1, -1, 1, 1], 16);
  });

  test('refuses a gradient', () => {
    const x = device.zeros([1, 2, 2, 32]);
    expectRefusal(
      () => gradients(() => sum(stripStatistics(x)), [x]),
      'ERR_VALUE',
      'stripStatistics: expected x to be outside any gradient, got one that a gradient is taken ' +
        'of. Use groupNorm instead.',
    );
    const affine = { scale: device.zeros([32]), shift: device.zeros([32]) };
    expectRefusal(
      () => gradients(() => sum(normStrip(x, affine)), [affine.scale]),
      'ERR_VALUE',
      'normStrip: expected scale to be outside any gradient, got one that a gradient is taken of. ' +
        'Use groupNorm instead.',
    );
    for (const tensor of [x, affine.scale, affine.shift]) tensor.dispose();
    expect(x.disposed).toBe(true);
  });
});

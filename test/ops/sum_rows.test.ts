import { describe, test } from 'vitest';
import { mean, sum, sumRows } from '../../lib/index.ts';
import { count, input, ofSum } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
} from '../support/op_case.ts';

const summed = (
  dtype: 'f32' | 'bf16',
  x: readonly number[],
  y: readonly number[],
  scale = 1,
): OpCase => ({
  inputs: [input(x, 1, { dtype })],
  op: (x) => sumRows(x!, y, { scale }),
  definition: (x) => {
    const sums = new Float64Array(count(y));
    x!.forEach((v, i) => {
      sums[i % sums.length]! += scale * v;
    });
    return sums;
  },
  roundings: dtype === 'bf16' ? 1.1 : ofSum(count(x) / count(y)),
});

onEveryDevice('sumRows', (device) => {
  describe.each(['f32', 'bf16'] as const)('in %s', (dtype) => {
    test.each([
      [[1], [1], 1],
      [[7, 5], [5], 1],
      [[64, 33], [33], 0.25],
      [[3, 5, 257], [5, 257], 1],
      [[1031], [1], 1],
      [[2, 2, 3, 128], [128], -1],
    ])('is its definition from %j to %j', (x, y, scale) =>
      expectDefinition(device, summed(dtype, x, y, scale)),
    );

    test('has the gradient of its definition', () =>
      expectGradient(device, summed(dtype, [7, 3, 5], [3, 5], 0.5)));

    test('adds up to totals and means', async () => {
      const inputs = [input([5, 67], 1, { dtype })];
      const total = (x: Float64Array) => x.reduce((a, b) => a + b, 0);
      const whole = { inputs, roundings: 24 };
      const ofSum = {
        ...whole,
        op: sum,
        definition: (x?: Float64Array) => Float64Array.of(total(x!)),
      };
      const ofMean = {
        ...whole,
        op: mean,
        definition: (x?: Float64Array) => Float64Array.of(total(x!) / x!.length),
      };
      await expectDefinition(device, ofSum);
      await expectDefinition(device, ofMean);
      await expectGradient(device, ofMean);
    });
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => sumRows(device.tensor([4, 3]), [5]),
      'ERR_SHAPE',
      'sum_rows: expected x to be a multiple of the 5 elements of y, got [4, 3]',
    );
    expectRefusal(
      () => sumRows(device.tensor([4]), [1], { dtype: 'bf16' }),
      'ERR_DTYPE',
      'sum_rows: expected y to be f32 or f32, got bf16',
    );
  });
});

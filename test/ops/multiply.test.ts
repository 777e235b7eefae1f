import { describe, test } from 'vitest';
import { multiply } from '../../lib/index.ts';
import { input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
} from '../support/op_case.ts';

type Float = 'f32' | 'bf16';

const product = (
  dtypes: readonly [Float, Float],
  x: readonly number[],
  y: readonly number[],
): OpCase => ({
  inputs: [input(x, 1, { dtype: dtypes[0] }), input(y, 2, { dtype: dtypes[1] })],
  op: (x, y) => multiply(x!, y!),
  definition: (x, y) => x!.map((v, i) => v * y![i % y!.length]!),
  roundings: 1.1, // one product, rounded once
  gradientRoundings: 16, // the gradient of y sums over its repetitions
});

const pairs: readonly (readonly [Float, Float])[] = [
  ['f32', 'f32'],
  ['bf16', 'bf16'],
  ['bf16', 'f32'],
];

onEveryDevice('multiply', (device) => {
  describe.each(pairs)('%s by %s', (...dtypes) => {
    test.each([
      [[1], [1]],
      [
        [3, 7],
        [3, 7],
      ],
      [[5, 257], [257]],
      [[4, 33], [1]],
    ])('is its definition on %j and %j', (x, y) => expectDefinition(device, product(dtypes, x, y)));

    test.each([
      [
        [3, 7],
        [3, 7],
      ],
      [[5, 33], [33]],
      [[6, 5], [1]],
    ])('has the gradient of its definition on %j and %j', (x, y) =>
      expectGradient(device, product(dtypes, x, y)),
    );
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => multiply(device.tensor([2, 6]), device.tensor([4, 2])),
      'ERR_SHAPE',
      'multiply: expected y to be of elements that divide those of x [2, 6], got [4, 2]',
    );
    expectRefusal(
      () => multiply(device.tensor([2], 'bf16'), device.tensor([2], 'i32')),
      'ERR_DTYPE',
      'multiply: expected y to be bf16 or f32, got i32',
    );
  });
});

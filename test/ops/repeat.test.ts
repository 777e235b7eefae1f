import { describe, test } from 'vitest';
import { repeat } from '../../lib/index.ts';
import { count, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
} from '../support/op_case.ts';

const repeated = (dtype: 'f32' | 'bf16', x: readonly number[], y: readonly number[]): OpCase => ({
  inputs: [input(x, 1, { dtype })],
  op: (x) => repeat(x!, y),
  definition: (x) => Float64Array.from({ length: count(y) }, (_, i) => x![i % x!.length]!),
  roundings: 0,
  gradientRoundings: 4,
});

onEveryDevice('repeat', (device) => {
  describe.each(['f32', 'bf16'] as const)('in %s', (dtype) => {
    test.each([
      [[1], [7]],
      [[5], [5]],
      [
        [1, 16, 33],
        [3, 16, 33],
      ],
      [[257], [2, 3, 257]],
    ])('is its definition from %j to %j', (x, y) =>
      expectDefinition(device, repeated(dtype, x, y)),
    );

    test('has the gradient of its definition', () =>
      expectGradient(device, repeated(dtype, [3, 5], [7, 3, 5])));
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => repeat(device.tensor([3]), [2, 4]),
      'ERR_SHAPE',
      'repeat: expected y to be a multiple of the 3 elements of x, got [2, 4]',
    );
  });
});

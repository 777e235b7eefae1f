import { describe, test } from 'vitest';
import { add, scale, subtract } from '../../lib/index.ts';
import { input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
} from '../support/op_case.ts';

// Two products and a sum: at most three roundings in f32, one when stored as bf16.
const roundings = { f32: 3, bf16: 1.1 };

const sum = (
  dtype: 'f32' | 'bf16',
  xShape: readonly number[],
  yShape: readonly number[],
  alpha = 1,
  beta = 1,
): OpCase => ({
  inputs: [input(xShape, 1, { dtype }), input(yShape, 2, { dtype })],
  op: (x, y) => add(x!, y!, { alpha, beta }),
  definition: (x, y) => x!.map((v, i) => alpha * v + beta * y![i % y!.length]!),
  roundings: roundings[dtype],
});

onEveryDevice('add', (device) => {
  describe.each(['f32', 'bf16'] as const)('in %s', (dtype) => {
    test.each([
      [[1], [1], 1, 1],
      [[3, 7], [3, 7], 0.5, -2],
      [[5, 257], [257], 1, 1],
      [[2, 3, 1280], [3, 1280], 1, 3],
      [[4, 33], [1], -1, 2],
    ])('is its definition on %j and %j', (x, y, alpha, beta) =>
      expectDefinition(device, sum(dtype, x, y, alpha, beta)),
    );

    test.each([
      [
        [3, 7],
        [3, 7],
      ],
      [[5, 33], [33]],
      [[6, 5], [1]],
    ])('has the gradient of its definition on %j and %j', (x, y) =>
      expectGradient(device, sum(dtype, x, y, 0.5, -2)),
    );
  });

  test('subtracts and scales', async () => {
    const inputs = [input([3, 17], 1), input([17], 2)];
    await expectDefinition(device, {
      inputs,
      op: (x, y) => subtract(x!, scale(y!, 3)),
      definition: (x, y) => x!.map((v, i) => v - 3 * y![i % 17]!),
      roundings: 4,
    });
    await expectGradient(device, {
      inputs,
      op: (x, y) => subtract(scale(x!, -0.5), y!),
      definition: (x, y) => x!.map((v, i) => -0.5 * v - y![i % 17]!),
      roundings: 4,
    });
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => add(device.tensor([2, 6]), device.tensor([4, 2])),
      'ERR_SHAPE',
      'add: expected y to be of elements that divide those of x [2, 6], got [4, 2]',
    );
    expectRefusal(
      () => add(device.tensor([2]), device.tensor([2], 'bf16')),
      'ERR_DTYPE',
      'add: expected y to be f32, got bf16',
    );
    expectRefusal(
      () => add(device.tensor([2], 'i32'), device.tensor([2], 'i32')),
      'ERR_DTYPE',
      'add: expected x to be f32 or bf16, got i32',
    );
    expectRefusal(
      () => scale(device.tensor([2]), Infinity),
      'ERR_VALUE',
      'add: expected alpha to be finite, got inf',
    );
  });
});

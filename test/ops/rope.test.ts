import { describe, test } from 'vitest';
import { rope } from '../../lib/index.ts';
import { given, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
} from '../support/op_case.ts';

const rotated = (
  dtype: 'f32' | 'bf16',
  shape: readonly [number, number, number, number],
  positions: readonly number[],
  { theta = 10000, inverse = false } = {},
): OpCase => ({
  inputs: [input(shape, 1, { dtype }), given(positions, shape.slice(0, 2))],
  op: (x, p) => rope(x!, p!, { theta, inverse }),
  definition: (x, p) => {
    const [, , heads, dim] = shape;
    const half = dim / 2;
    return x!.map((v, i) => {
      const c = i % dim;
      const angle = p![Math.floor(i / (heads * dim))]! * theta ** ((-2 * (c % half)) / dim);
      const sine = inverse ? -Math.sin(angle) : Math.sin(angle);
      return c < half
        ? v * Math.cos(angle) - x![i + half]! * sine
        : v * Math.cos(angle) + x![i - half]! * sine;
    });
  },
  // Angles in f32 are off by a rounding of their size; in bf16 sine and cosine are rounded too.
  roundings: dtype === 'bf16' ? 4 : 8 + Math.max(...positions.map(Math.abs)),
});

onEveryDevice('rope', (device) => {
  describe.each(['f32', 'bf16'] as const)('in %s', (dtype) => {
    test.each([
      [[1, 1, 1, 2] as const, [3]],
      [[2, 3, 2, 6] as const, [0, 1, 2, 7, 8, 9]],
      [[1, 2, 3, 64] as const, [5, 300]],
      [[1, 2, 2, 80] as const, [0, 17]],
      [[2, 1, 2, 128] as const, [2355, 11]],
    ])('is its definition on %j at %j', (shape, positions) =>
      expectDefinition(device, rotated(dtype, shape, positions)),
    );

    test('rotates back', () =>
      expectDefinition(device, rotated(dtype, [1, 2, 3, 10], [4, 9], { inverse: true })));
    test('takes another base', () =>
      expectDefinition(device, rotated(dtype, [1, 2, 3, 10], [4, 9], { theta: 500 })));
    test('has the gradient of its definition', () =>
      expectGradient(device, rotated(dtype, [1, 3, 2, 10], [0, 5, 11])));
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => rope(device.tensor([1, 2, 1, 3]), device.tensor([1, 2], 'i32')),
      'ERR_SHAPE',
      'rope: expected x to be of even headDim, got [1, 2, 1, 3]',
    );
    expectRefusal(
      () => rope(device.tensor([1, 2, 1, 4]), device.tensor([2], 'i32')),
      'ERR_SHAPE',
      'rope: expected positions to be [1, 2], got [2]',
    );
    expectRefusal(
      () => rope(device.tensor([1, 2, 1, 4]), device.tensor([1, 2], 'i32'), { theta: 0 }),
      'ERR_VALUE',
      'rope: expected theta to be positive, got 0',
    );
  });
});

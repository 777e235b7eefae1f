import { describe, expect, test } from 'vitest';
import { permute, scope } from '../../lib/index.ts';
import { count, given, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectGradient, expectRefusal, take, upload } from '../support/op_case.ts';

/** Axis a of the result is axis order[a] of x, one element at a time. */
function permuted(
  x: Float64Array,
  shape: readonly number[],
  order: readonly number[],
): Float64Array {
  const extents = order.map((axis) => shape[axis]!);
  const strides = shape.map((_, axis) => count(shape.slice(axis + 1)));
  return x.map((_, i) => {
    let rest = i;
    let at = 0;
    for (let a = order.length - 1; a >= 0; a--) {
      at += (rest % extents[a]!) * strides[order[a]!]!;
      rest = Math.floor(rest / extents[a]!);
    }
    return x[at]!;
  });
}

onEveryDevice('permute', (device) => {
  describe.each(['f32', 'bf16', 'i32', 'i8'] as const)('of %s', (dtype) => {
    test.each([
      [[7], [0]],
      [
        [3, 5],
        [1, 0],
      ],
      [
        [67, 35],
        [1, 0],
      ],
      [
        [2, 3, 33],
        [0, 2, 1],
      ],
      [
        [2, 5, 3, 16],
        [0, 2, 1, 3],
      ],
      [
        [2, 3, 9, 11],
        [0, 3, 1, 2],
      ],
      [
        [2, 1, 3, 2, 5, 2],
        [5, 2, 0, 4, 1, 3],
      ],
    ])('is its definition on %j in order %j, exactly', async (shape, order) => {
      const x = given(
        Array.from({ length: count(shape) }, (_, i) => (i % 251) - 125),
        shape,
        dtype,
      );
      const y = await take(scope(() => permute(upload(device, x), order)));
      expect(y).toEqual(permuted(x.values, shape, order));
    });
  });

  test('has the gradient of its definition', () =>
    expectGradient(device, {
      inputs: [input([2, 3, 5], 1)],
      op: (x) => permute(x!, [2, 0, 1]),
      definition: (x) => permuted(x!, [2, 3, 5], [2, 0, 1]),
      roundings: 1,
    }));

  test('refuses what does not fit', () => {
    const x = () => device.tensor([2, 3]);
    expectRefusal(
      () => permute(x(), [0]),
      'ERR_VALUE',
      'permute: expected order to be one entry per axis of x [2, 3], got 1',
    );
    expectRefusal(
      () => permute(x(), [1, 1]),
      'ERR_VALUE',
      'permute: expected order to be a permutation of the axes of x, got 1',
    );
    expectRefusal(
      () => permute(x(), [0, 2]),
      'ERR_VALUE',
      'permute: expected order to be a permutation of the axes of x, got 2',
    );
  });
});

import { describe, expect, test } from 'vitest';
import { l2Normalise, scope } from '../../lib/index.ts';
import { given, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectClose,
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
  take,
  upload,
} from '../support/op_case.ts';

const eps = 1e-3;

const normed = (dtype: 'f32' | 'bf16', shape: readonly number[]): OpCase => ({
  inputs: [input(shape, 1, { dtype })],
  op: (x) => l2Normalise(x!, { eps }),
  definition: (x) => {
    const dim = shape.at(-1)!;
    return x!.map((v, i) => {
      const row = x!.subarray(i - (i % dim), i - (i % dim) + dim);
      return v / Math.max(Math.sqrt(row.reduce((sum, u) => sum + u * u, 0)), eps);
    });
  },
  roundings: dtype === 'bf16' ? 1.1 : 8,
  gradientRoundings: dtype === 'bf16' ? 4 : 24,
});

onEveryDevice('l2Normalise', (device) => {
  describe.each(['f32', 'bf16'] as const)('in %s', (dtype) => {
    test.each([[[1, 1]], [[3, 7]], [[5, 257]], [[2, 3, 1024]]])(
      'is its definition on %j',
      (shape) => expectDefinition(device, normed(dtype, shape)),
    );
    test('has the gradient of its definition', () =>
      expectGradient(device, normed(dtype, [5, 35])));
  });

  test('divides by eps what is shorter', async () => {
    const short = normed('f32', [2, 3]);
    const inputs = [{ ...given([1e-5, -2e-5, 0, 3, 4, 0], [2, 3], 'f32'), constant: false }];
    await expectDefinition(device, { ...short, inputs });
    await expectDefinition(device, {
      ...short,
      inputs: [given([0, 0, 0, 0, 0, 0], [2, 3], 'f32')],
    });
    await expectGradient(device, {
      ...short,
      inputs: [{ ...given([1e-4, -2e-4, 0, 3, 4, 0], [2, 3], 'f32'), constant: false }],
    });
  });

  test('keeps what is no number', async () => {
    const x = given([Number.NaN, 1, 3, 4], [2, 2], 'f32');
    const y = await take(scope(() => l2Normalise(upload(device, x))));
    expectClose(y.slice(2), [0.6, 0.8], 2);
    expect([...y.slice(0, 2)]).toEqual([Number.NaN, Number.NaN]);
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => l2Normalise(device.tensor([2, 3]), { eps: 0 }),
      'ERR_VALUE',
      'l2_normalise: expected eps to be positive, got 0',
    );
    expectRefusal(
      () => l2Normalise(device.tensor([2, 3], 'i8')),
      'ERR_DTYPE',
      'l2_normalise: expected x to be f32 or bf16, got i8',
    );
  });
});

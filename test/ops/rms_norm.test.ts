import { describe, test } from 'vitest';
import { add, addRmsNorm, concat, rmsNorm } from '../../lib/index.ts';
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

function definition(x: Float64Array, weight: Float64Array): Float64Array {
  const dim = weight.length;
  const y = new Float64Array(x.length);
  for (let begin = 0; begin < x.length; begin += dim) {
    const row = x.subarray(begin, begin + dim);
    const meanSquare = row.reduce((sum, u) => sum + u * u, 0) / dim;
    y.set(
      row.map((v, i) => (v / Math.sqrt(meanSquare + eps)) * weight[i]!),
      begin,
    );
  }
  return y;
}

// In bf16 the normalised value is rounded, and its product with the weight again.
const roundings = { f32: 8, bf16: 2.2 };

const normed = (dtype: Float, weightDtype: Float, shape: readonly number[]): OpCase => ({
  inputs: [
    input(shape, 1, { dtype }),
    input(shape.slice(-1), 2, { dtype: weightDtype, mean: 1, scale: 0.5 }),
  ],
  op: (x, weight) => rmsNorm(x!, weight!, { eps }),
  definition: (x, weight) => definition(x!, weight!),
  roundings: roundings[dtype],
});

/** Both results, one after the other. */
const added = (dtype: Float, shape: readonly number[]): OpCase => ({
  inputs: [
    input(shape, 1, { dtype }),
    input(shape, 3, { dtype }),
    input(shape.slice(-1), 2, { dtype }),
  ],
  op: (x, residual, weight) => {
    const { y, h } = addRmsNorm(x!, residual!, weight!, { eps });
    return concat([y, h]);
  },
  definition: (x, residual, weight) => {
    const h = x!.map((v, i) => v + residual![i]!);
    return Float64Array.from([...definition(h, weight!), ...h]);
  },
  roundings: dtype === 'bf16' ? 4 : 8, // h itself is rounded first
});

onEveryDevice('rmsNorm', (device) => {
  describe.each([
    ['f32', 'f32'],
    ['bf16', 'bf16'],
    ['bf16', 'f32'],
  ] as const)('%s with a weight in %s', (dtype, weightDtype) => {
    test.each([[[1, 1]], [[3, 7]], [[5, 257]], [[2, 3, 128]], [[2, 4096]]])(
      'is its definition on %j',
      (shape) => expectDefinition(device, normed(dtype, weightDtype, shape)),
    );
    test.each([[[1, 3]], [[3, 70]], [[33, 5]]])(
      'has the gradient of its definition on %j',
      (shape) => expectGradient(device, normed(dtype, weightDtype, shape)),
    );
  });

  describe.each(['f32', 'bf16'] as const)('with a residual, in %s', (dtype) => {
    test.each([[[1, 3]], [[5, 257]], [[2, 2, 1280]]])('is its definition on %j', (shape) =>
      expectDefinition(device, added(dtype, shape)),
    );
    test('has the gradient of its definition', () => expectGradient(device, added(dtype, [3, 70])));
    test('has a gradient where only one result is used', async () => {
      const both = added(dtype, [3, 70]);
      await expectGradient(device, {
        ...both,
        op: (x, residual, weight) => addRmsNorm(x!, residual!, weight!, { eps }).y,
        definition: (...values) => both.definition(...values).slice(0, 210),
      });
      await expectGradient(device, {
        ...both,
        op: (x, residual, weight) => add(addRmsNorm(x!, residual!, weight!, { eps }).h, weight!),
        definition: (x, residual, weight) => x!.map((v, i) => v + residual![i]! + weight![i % 70]!),
      });
    });
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => rmsNorm(device.tensor([2, 8]), device.tensor([9])),
      'ERR_SHAPE',
      'rms_norm: expected weight to be [8], got [9]',
    );
    expectRefusal(
      () => rmsNorm(device.tensor([2, 8]), device.tensor([8], 'bf16')),
      'ERR_DTYPE',
      'rms_norm: expected weight to be f32 or f32, got bf16',
    );
    expectRefusal(
      () => rmsNorm(device.tensor([2, 8]), device.tensor([8]), { eps: 0 }),
      'ERR_VALUE',
      'rms_norm: expected eps to be positive, got 0',
    );
    expectRefusal(
      () => addRmsNorm(device.tensor([2, 8]), device.tensor([1, 8]), device.tensor([8])),
      'ERR_SHAPE',
      'rms_norm: expected residual to be [2, 8], got [1, 8]',
    );
  });
});

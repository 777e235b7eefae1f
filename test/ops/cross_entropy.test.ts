import { describe, test } from 'vitest';
import { crossEntropy } from '../../lib/index.ts';
import { given, input, integers } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
} from '../support/op_case.ts';

type Float = 'f32' | 'bf16';

const lossOf = (
  dtype: Float,
  rows: number,
  classes: number,
  { zLoss = 0, weighted = false, ignored = false } = {},
): OpCase => {
  const labels = integers([rows], 2, 0, classes);
  return {
    inputs: [
      input([rows, classes], 1, { dtype, scale: 2 }),
      ignored ? given(labels.values.map((label, r) => (r % 2 ? -100 : label))) : labels,
      ...(weighted ? [input([rows], 3, { constant: true })] : []),
    ],
    op: (logits, labels, weights) => crossEntropy(logits!, labels!, { weights, zLoss }),
    definition: (logits, labels, weights) =>
      Float64Array.from({ length: rows }, (_, r) => {
        const row = logits!.subarray(r * classes, (r + 1) * classes);
        const most = row.reduce((a, b) => Math.max(a, b));
        const lse = most + Math.log(row.reduce((sum, l) => sum + Math.exp(l - most), 0));
        if (labels![r]! < 0) return 0;
        return (weights?.[r] ?? 1) * (lse - row[labels![r]!]! + zLoss * lse * lse);
      }),
    roundings: 16,
    gradientRoundings: dtype === 'bf16' ? 4 : 32,
  };
};

onEveryDevice('crossEntropy', (device) => {
  describe.each(['f32', 'bf16'] as const)('of %s logits', (dtype) => {
    test.each([
      [1, 1, {}],
      [1, 2, {}],
      [5, 7, { zLoss: 0.01 }],
      [3, 257, { weighted: true }],
      [7, 1031, { ignored: true, zLoss: 1e-4, weighted: true }],
    ])('is its definition on %i rows of %i, %o', (rows, classes, options) =>
      expectDefinition(device, lossOf(dtype, rows, classes, options)),
    );

    test.each([
      [5, 7, {}],
      [3, 67, { zLoss: 0.01 }],
      [6, 35, { ignored: true, zLoss: 0.1, weighted: true }],
    ])('has the gradient of its definition on %i rows of %i, %o', (rows, classes, options) =>
      expectGradient(device, lossOf(dtype, rows, classes, options)),
    );
  });

  test('sums over the model vocabulary', () =>
    expectDefinition(device, lossOf('bf16', 1, device.name.startsWith('simt') ? 4096 : 65536)));

  test('does not overflow', () =>
    expectDefinition(device, {
      ...lossOf('f32', 2, 5),
      inputs: [input([2, 5], 1, { mean: 1e4, scale: 100 }), given([0, 4])],
      roundings: 1e4, // logits of 1e4 are themselves rounded
    }));

  test('refuses what does not fit', () => {
    expectRefusal(
      () => crossEntropy(device.tensor([6]), device.tensor([6], 'i32')),
      'ERR_SHAPE',
      'cross_entropy: expected logits to be [rows, classes], got [6]',
    );
    expectRefusal(
      () => crossEntropy(device.tensor([2, 3]), device.tensor([2])),
      'ERR_DTYPE',
      'cross_entropy: expected labels to be i32, got f32',
    );
    expectRefusal(
      () => crossEntropy(device.tensor([2, 3]), device.tensor([3], 'i32')),
      'ERR_SHAPE',
      'cross_entropy: expected labels to be [2], got [3]',
    );
    expectRefusal(
      () => crossEntropy(device.tensor([2, 3]), device.tensor([2], 'i32'), { zLoss: -1 }),
      'ERR_VALUE',
      'cross_entropy: expected zLoss to be 0 or more, got -1',
    );
  });
});

import { describe, test } from 'vitest';
import { swiglu } from '../../lib/index.ts';
import { functions } from '../support/functions.ts';
import { input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
} from '../support/op_case.ts';

const gated = (dtype: 'f32' | 'bf16', shape: readonly number[]): OpCase => ({
  inputs: [input(shape, 1, { dtype, scale: 2 }), input(shape, 2, { dtype })],
  op: (gate, up) => swiglu(gate!, up!),
  definition: (gate, up) => gate!.map((v, i) => functions.silu(v) * up![i]!),
  roundings: dtype === 'bf16' ? 1.1 : 8,
  gradientRoundings: dtype === 'bf16' ? 4 : 16,
});

onEveryDevice('swiglu', (device) => {
  describe.each(['f32', 'bf16'] as const)('in %s', (dtype) => {
    test.each([[[1]], [[3, 7]], [[2, 257]], [[1, 2, 688]]])('is its definition on %j', (shape) =>
      expectDefinition(device, gated(dtype, shape)),
    );

    test('has the gradient of its definition', () => expectGradient(device, gated(dtype, [3, 35])));
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => swiglu(device.tensor([2, 3]), device.tensor([2, 4])),
      'ERR_SHAPE',
      'swiglu: expected up to be [2, 3], got [2, 4]',
    );
    expectRefusal(
      () => swiglu(device.tensor([2]), device.tensor([2], 'bf16')),
      'ERR_DTYPE',
      'swiglu: expected up to be f32, got bf16',
    );
  });
});

import { describe, expect, test } from 'vitest';
import {
  exp,
  gelu,
  log,
  logSigmoid,
  type Pointwise,
  pointwise,
  quickGelu,
  scope,
  sigmoid,
  silu,
} from '../../lib/index.ts';
import { functions } from '../support/functions.ts';
import { given, input, stored } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
  take,
  upload,
} from '../support/op_case.ts';

const named = { gelu, quick_gelu: quickGelu, silu, sigmoid, log_sigmoid: logSigmoid, exp, log };
const names = Object.keys(named) as (keyof typeof named)[];

const mapped = (f: keyof typeof named, dtype: 'f32' | 'bf16', shape: readonly number[]): OpCase => {
  const x = input(shape, 1, { dtype, scale: 2 });
  return {
    inputs: [
      f === 'log' ? { ...x, values: x.values.map((v) => stored(Math.abs(v) + 0.125, dtype)) } : x,
    ],
    op: (x) => named[f](x!),
    definition: (x) => x!.map(functions[f]),
    // exp and erf are good to a few roundings in f32; bf16 stores the result once.
    roundings: dtype === 'bf16' ? 1.1 : 8,
    gradientRoundings: dtype === 'bf16' ? 4 : 16,
  };
};

onEveryDevice('pointwise', (device) => {
  describe.each(names)('%s', (f) => {
    test.each([
      ['f32', [1]],
      ['f32', [3, 7]],
      ['f32', [2, 257]],
      ['bf16', [1]],
      ['bf16', [2, 259]],
    ] as const)('is its definition in %s on %j', (dtype, shape) =>
      expectDefinition(device, mapped(f, dtype, shape)),
    );

    test.each(['f32', 'bf16'] as const)('has the gradient of its definition in %s', (dtype) =>
      expectGradient(device, mapped(f, dtype, [3, 35])),
    );
  });

  test('stays finite far from 0', async () => {
    const x = given([-1e4, -100, -20, 0, 20, 100, 1e4], [7], 'f32');
    for (const f of ['gelu', 'quick_gelu', 'silu', 'sigmoid', 'log_sigmoid'] as const) {
      const y = await take(scope(() => named[f](upload(device, x))));
      const expected = x.values.map(functions[f]);
      y.forEach((v, i) => {
        expect(Math.abs(v - expected[i]!), `${f}(${x.values[i]})`).toBeLessThanOrEqual(
          1e-6 * Math.abs(expected[i]!) + 1e-30,
        );
      });
    }
  });

  test('passes NaN on', async () => {
    for (const f of names) {
      const y = await take(scope(() => named[f](upload(device, given([NaN], [1], 'f32')))));
      expect(y[0], f).toBeNaN();
    }
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => gelu(device.tensor([2], 'i32')),
      'ERR_DTYPE',
      'pointwise: expected x to be f32 or bf16, got i32',
    );
    expectRefusal(
      () => pointwise(device.tensor([2]), 'tanh' as Pointwise),
      'ERR_VALUE',
      "pointwise: expected function to be one of none, gelu, quick_gelu, silu, sigmoid, log_sigmoid, exp, log, got 'tanh'",
    );
  });
});

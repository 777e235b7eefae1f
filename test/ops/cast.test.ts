import { expect, test } from 'vitest';
import { cast, scope } from '../../lib/index.ts';
import { given, input, stored } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  take,
  upload,
} from '../support/op_case.ts';

onEveryDevice('cast', (device) => {
  test.each([[[1]], [[7]], [[3, 257]], [[2, 3, 1000]]])(
    'rounds %j to bf16, exactly',
    async (shape) => {
      const x = input(shape, 1);
      const y = await take(scope(() => cast(upload(device, x), 'bf16')));
      expect(y).toEqual(x.values.map((v) => stored(v, 'bf16')));
    },
  );

  test('rounds to nearest even, and keeps what is not finite', async () => {
    const values = [
      1 + 2 ** -8, // a tie: down to even
      1 + 3 * 2 ** -8, // a tie: up to even
      -(1 + 2 ** -8 + 2 ** -20),
      3.3895313892515355e38, // the largest bf16
      3.4e38, // rounds beyond it
      1e-40, // subnormal
      -0,
      Infinity,
      -Infinity,
      NaN,
    ];
    const x = given(values, [values.length], 'f32');
    const y = await take(scope(() => cast(upload(device, x), 'bf16')));
    expect([...y]).toEqual(values.map((v) => stored(Math.fround(v), 'bf16')));
  });

  test.each(['bf16', 'i32'] as const)('widens %s to f32, exactly', async (dtype) => {
    const x =
      dtype === 'i32'
        ? given([0, 1, -1, 7, 2 ** 24, -(2 ** 24), 65535])
        : input([5, 33], 2, { dtype });
    const y = await take(scope(() => cast(upload(device, x), 'f32')));
    expect(y).toEqual(x.values);
  });

  test('gives back a tensor that has the dtype already', () => {
    scope(() => {
      const x = device.tensor([2]);
      expect(cast(x, 'f32')).toBe(x);
    });
  });

  test('has the gradient of its definition', async () => {
    const narrow = { inputs: [input([3, 35], 1)], definition: (x?: Float64Array) => x!.slice() };
    await expectGradient(device, { ...narrow, op: (x) => cast(x!, 'bf16'), roundings: 1 });
    const wide = { ...narrow, inputs: [input([3, 35], 1, { dtype: 'bf16' as const })] };
    await expectGradient(device, { ...wide, op: (x) => cast(x!, 'f32'), roundings: 1 });
    await expectDefinition(device, { ...wide, op: (x) => cast(x!, 'f32'), roundings: 0 });
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => cast(device.tensor([2], 'i8'), 'f32'),
      'ERR_DTYPE',
      'cast: expected x to be f32 or bf16 or i32, got i8',
    );
  });
});

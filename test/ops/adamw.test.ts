import { describe, expect, test } from 'vitest';
import { adamw, scope } from '../../lib/index.ts';
import { given, input, stored } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectRefusal, take, upload } from '../support/op_case.ts';

const beta1 = 0.9;
const beta2 = 0.95;
const eps = 1e-8;

onEveryDevice('adamw', (device) => {
  describe.each(['f32', 'bf16'] as const)('with gradients in %s', (dtype) => {
    test.each([
      [[1], 0, 1],
      [[3, 7], 0.1, 0.25],
      [[5, 257], 0.01, undefined],
    ])(
      'is its definition over three steps on %j, decay %d, factor %o',
      async (shape, decay, factor) => {
        const weight = input(shape, 1);
        const w = weight.values.slice();
        const m = w.map(() => 0);
        const v = w.map(() => 0);
        const rate = stored(0.01, 'f32');
        const grads = [2, 3, 4].map((seed) => input(shape, seed, { dtype }));
        const [tensor, rounded, ...moments] = scope(() => {
          const zero = { ...weight, values: m };
          const tensor = upload(device, weight);
          const rounded = device.tensor(shape, 'bf16');
          const state = { m: upload(device, zero), v: upload(device, zero) };
          grads.forEach((grad, i) => {
            adamw(tensor, upload(device, grad), state, {
              rate: upload(device, given([rate], [1], 'f32')),
              step: upload(device, given([i + 1])),
              ...(factor !== undefined && { factor: upload(device, given([factor], [1], 'f32')) }),
              rounded,
              beta1,
              beta2,
              eps,
              decay,
            });
          });
          return [tensor, rounded, state.m, state.v];
        });
        grads.forEach((grad, i) => {
          grad.values.forEach((value, j) => {
            const g = value * (factor ?? 1);
            m[j] = beta1 * m[j]! + (1 - beta1) * g;
            v[j] = beta2 * v[j]! + (1 - beta2) * g * g;
            const [mean, square] = [m[j]! / (1 - beta1 ** (i + 1)), v[j]! / (1 - beta2 ** (i + 1))];
            w[j] = w[j]! * (1 - rate * decay) - (rate * mean) / (Math.sqrt(square) + eps);
          });
        });
        const got = await take(tensor!);
        // Three steps of about five roundings; 1 - beta in f32 is off by 2^-24 / (1 - beta).
        expectClose(got, w, 24);
        expectClose(await take(moments[0]!), m, 48);
        expectClose(await take(moments[1]!), v, 48);
        expect(await take(rounded!)).toEqual(got.map((value) => stored(value, 'bf16')));
      },
    );
  });

  test('refuses what does not fit', () => {
    const call =
      (options: object, grad: readonly number[] = [4]) =>
      () => {
        const like = () => device.tensor([4]);
        adamw(
          like(),
          device.tensor(grad),
          { m: like(), v: like() },
          {
            rate: device.tensor([1]),
            step: device.tensor([1], 'i32'),
            ...options,
          },
        );
      };
    expectRefusal(call({}, [5]), 'ERR_SHAPE', 'adamw: expected grad to be [4], got [5]');
    expectRefusal(call({ beta1: 1 }), 'ERR_VALUE', 'adamw: expected beta1 to be in [0, 1), got 1');
    expectRefusal(
      call({ beta2: -1 }),
      'ERR_VALUE',
      'adamw: expected beta2 to be in [0, 1), got -1',
    );
    expectRefusal(call({ eps: 0 }), 'ERR_VALUE', 'adamw: expected eps to be positive, got 0');
    expectRefusal(
      call({ decay: -1 }),
      'ERR_VALUE',
      'adamw: expected decay to be 0 or more, got -1',
    );
    expectRefusal(
      () => call({ step: device.tensor([1]) })(),
      'ERR_DTYPE',
      'adamw: expected step to be i32, got f32',
    );
    expectRefusal(
      () => {
        const shared = device.tensor([4]);
        adamw(
          device.tensor([4]),
          device.tensor([4]),
          { m: shared, v: shared },
          {
            rate: device.tensor([1]),
            step: device.tensor([1], 'i32'),
          },
        );
      },
      'ERR_VALUE',
      'adamw: expected v to be apart from m, got overlapping memory',
    );
  });
});

import { describe, expect, test } from 'vitest';
import { clipFactor, globalNorm, scope, sumSquares } from '../../lib/index.ts';
import { given, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectRefusal, take, upload } from '../support/op_case.ts';

onEveryDevice('clipFactor', (device) => {
  describe.each(['f32', 'bf16'] as const)('of gradients in %s', (dtype) => {
    test('follows from the norm of all of them', async () => {
      const grads = [[1], [3, 7], [5, 257], [2, 2, 2, 33]].map((shape, i) =>
        input(shape, i, { dtype }),
      );
      const total = grads.flatMap((g) => [...g.values]).reduce((sum, v) => sum + v * v, 0);
      const [squares, norm, ...factors] = scope(() => {
        const tensors = grads.map((one) => upload(device, one));
        const squares = sumSquares(tensors);
        return [
          squares,
          globalNorm(tensors),
          clipFactor(squares, { maxNorm: 4 }),
          clipFactor(squares, { maxNorm: 1e6 }),
        ];
      });
      expectClose(await take(squares!), [total], 4 + Math.sqrt(total));
      expectClose(await take(norm!), [Math.sqrt(total)], 4 + Math.sqrt(total));
      expectClose(await take(factors[0]!), [4 / (Math.sqrt(total) + 1e-6)], 4 + Math.sqrt(total));
      expect([...(await take(factors[1]!))]).toEqual([1]);
    });
  });

  test('passes NaN on, and leaves zeros alone', async () => {
    const factorOf = (values: number[]) =>
      take(
        scope(() =>
          clipFactor(sumSquares([upload(device, given(values, undefined, 'f32'))]), { maxNorm: 1 }),
        ),
      );
    expect((await factorOf([1, NaN]))[0]).toBeNaN();
    expect([...(await factorOf([0, 0]))]).toEqual([1]);
    expect([...(await factorOf([Infinity]))]).toEqual([0]);
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => sumSquares([]),
      'ERR_VALUE',
      'sum_squares: expected xs to be at least one tensor, got none',
    );
    expectRefusal(
      () => sumSquares([device.tensor([2], 'i32')]),
      'ERR_DTYPE',
      'sum_squares: expected x to be f32 or bf16, got i32',
    );
    expectRefusal(
      () => clipFactor(device.tensor([1]), { maxNorm: 0 }),
      'ERR_VALUE',
      'clip_factor: expected maxNorm to be positive, got 0',
    );
    expectRefusal(
      () => clipFactor(device.tensor([2]), { maxNorm: 1 }),
      'ERR_SHAPE',
      'clip_factor: expected total to be [1], got [2]',
    );
  });
});

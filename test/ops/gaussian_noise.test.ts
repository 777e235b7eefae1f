import { describe, expect, test } from 'vitest';
import { gaussianNoise, scope } from '../../lib/index.ts';
import { count, given, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
  take,
  upload,
} from '../support/op_case.ts';
import { gaussian, type Seed } from '../support/philox.ts';

const noisy = (dtype: 'f32' | 'bf16', shape: readonly number[], seed: Seed = [3, -5]): OpCase => ({
  inputs: [input(shape, 1, { dtype }), given(seed)],
  op: (x, seed) => gaussianNoise(x!, seed!, { strength: 0.3 }),
  definition: (x) => x!.map((v, i) => v + 0.3 * gaussian(seed, i)),
  // log, sine and cosine of f32 are good to a few roundings of the largest draw.
  roundings: dtype === 'bf16' ? 1.2 : 32,
});

onEveryDevice('gaussianNoise', (device) => {
  describe.each(['f32', 'bf16'] as const)('in %s', (dtype) => {
    test.each([[[1]], [[7]], [[3, 257]], [[2, 5, 101]]])(
      'adds the same draws on every device, to %j',
      (shape) => expectDefinition(device, noisy(dtype, shape)),
    );
    test('has the gradient of its definition', () => expectGradient(device, noisy(dtype, [3, 11])));
  });

  test('draws standard normal numbers', async () => {
    const n = device.name.startsWith('simt') ? 4096 : 65536;
    const zeros = given(new Array(n).fill(0), [n], 'f32');
    const y = await take(
      scope(() => gaussianNoise(upload(device, zeros), upload(device, given([8, 1])))),
    );
    const moment = (k: number) => y.reduce((sum, v) => sum + v ** k, 0) / count([n]);
    // Within 4 standard errors of 0, 1, 0 and 3.
    expect(Math.abs(moment(1))).toBeLessThan(4 * Math.sqrt(1 / n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
    const neighbours = y.reduce((sum, v, i) => sum + v * (y[i + 1] ?? 0), 0) / n;
    expect(Math.abs(neighbours)).toBeLessThan(4 * Math.sqrt(1 / n));
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => gaussianNoise(device.tensor([4]), device.tensor([1], 'i32')),
      'ERR_SHAPE',
      'gaussian_noise: expected seed to be [2], got [1]',
    );
    expectRefusal(
      () => gaussianNoise(device.tensor([4]), device.tensor([2], 'i32'), { strength: Infinity }),
      'ERR_VALUE',
      'gaussian_noise: expected strength to be finite, got inf',
    );
  });
});

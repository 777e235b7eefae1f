import { describe, expect, test } from 'vitest';
import { dropout, scope } from '../../lib/index.ts';
import { given, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
  take,
  upload,
} from '../support/op_case.ts';
import { elementBits, type Seed, uniformOf } from '../support/philox.ts';

const dropped = (dtype: 'f32' | 'bf16', shape: readonly number[], p: number): OpCase => {
  const seed: Seed = [-7, 12];
  return {
    inputs: [input(shape, 1, { dtype }), given(seed)],
    op: (x, seed) => dropout(x!, seed!, { p }),
    definition: (x) =>
      x!.map((v, i) => (uniformOf(elementBits(seed, 2, i)[i % 4]!) >= p ? v / (1 - p) : 0)),
    roundings: 3,
  };
};

onEveryDevice('dropout', (device) => {
  describe.each(['f32', 'bf16'] as const)('in %s', (dtype) => {
    test.each([
      [[1], 0.5],
      [[7], 0.25],
      [[3, 257], 0.1],
      [[2, 5, 101], 0.875],
      [[35], 0],
    ])('drops the same elements of %j on every device, p %d', (shape, p) =>
      expectDefinition(device, dropped(dtype, shape, p)),
    );
    test('has the gradient of its definition', () =>
      expectGradient(device, dropped(dtype, [3, 35], 0.375)));
  });

  test('drops the share that it is told', async () => {
    const n = device.name.startsWith('simt') ? 4096 : 65536;
    const ones = given(new Array(n).fill(1), [n], 'f32');
    for (const p of [0.05, 0.5]) {
      const y = await take(
        scope(() => dropout(upload(device, ones), upload(device, given([8, 1])), { p })),
      );
      const share = y.filter((v) => v === 0).length / n;
      expect(Math.abs(share - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / n));
    }
  });

  test('refuses what does not fit', () => {
    const call = (p: number) => () => dropout(device.tensor([4]), device.tensor([2], 'i32'), { p });
    expectRefusal(call(1), 'ERR_VALUE', 'dropout: expected p to be in [0, 1), got 1');
    expectRefusal(call(-0.5), 'ERR_VALUE', 'dropout: expected p to be in [0, 1), got -0.5');
    expectRefusal(
      () => dropout(device.tensor([4]), device.tensor([2]), { p: 0.5 }),
      'ERR_DTYPE',
      'dropout: expected seed to be i32, got f32',
    );
  });
});

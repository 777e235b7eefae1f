import { describe, test } from 'vitest';
import { upsample } from '../../lib/index.ts';
import { input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
} from '../support/op_case.ts';

const doubled = (
  dtype: 'f32' | 'bf16',
  shape: readonly [number, number, number, number],
): OpCase => ({
  inputs: [input(shape, 1, { dtype })],
  op: (x) => upsample(x!),
  definition: (x) => {
    const [images, height, width, channels] = shape;
    return Float64Array.from({ length: 4 * images * height * width * channels }, (_, i) => {
      const c = i % channels;
      const column = Math.floor(i / channels) % (2 * width);
      const row = Math.floor(i / (channels * 2 * width)) % (2 * height);
      const n = Math.floor(i / (channels * 4 * width * height));
      return x![((n * height + (row >> 1)) * width + (column >> 1)) * channels + c]!;
    });
  },
  roundings: 0,
  gradientRoundings: 2,
});

onEveryDevice('upsample', (device) => {
  describe.each(['f32', 'bf16'] as const)('in %s', (dtype) => {
    test.each([[[1, 1, 1, 1] as const], [[2, 3, 5, 7] as const], [[1, 4, 3, 128] as const]])(
      'is its definition on %j',
      (shape) => expectDefinition(device, doubled(dtype, shape)),
    );
    test('has the gradient of its definition', () =>
      expectGradient(device, doubled(dtype, [2, 3, 5, 7])));
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => upsample(device.tensor([3, 4, 5])),
      'ERR_SHAPE',
      'upsample: expected x to be [images, height, width, channels], got [3, 4, 5]',
    );
  });
});

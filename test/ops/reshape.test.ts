import { test } from 'vitest';
import { reshape, scale } from '../../lib/index.ts';
import { input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
} from '../support/op_case.ts';

onEveryDevice('reshape', (device) => {
  const of: OpCase = {
    inputs: [input([3, 4, 5], 1)],
    op: (x) => scale(reshape(scale(x!, 2), [12, 5]), 0.5),
    definition: (x) => x!.slice(),
    roundings: 0,
    gradientRoundings: 4,
  };

  test('keeps the elements, and the gradient', async () => {
    await expectDefinition(device, of);
    await expectGradient(device, of);
  });

  test('refuses another number of elements', () => {
    expectRefusal(
      () => reshape(device.tensor([3, 20]), [7, 8]),
      'ERR_SHAPE',
      'reshape: expected shape to hold 60 elements as [3, 20] does, got [7, 8]',
    );
  });
});

import { expect, test } from 'vitest';
import { advance, scope } from '../../lib/index.ts';
import { given, integers } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectRefusal, take, upload } from '../support/op_case.ts';

onEveryDevice('advance', (device) => {
  test.each([[[1]], [[3, 7]], [[1031]]])(
    'adds one step to each of %j, or its own',
    async (shape) => {
      const x = integers(shape, 1, -1000, 1000);
      const steps = integers(shape, 2, -5, 5);
      const [byOne, byOwn] = scope(() => {
        const [byOne, byOwn] = [upload(device, x), upload(device, x)];
        advance(byOne, upload(device, given([-3])));
        advance(byOwn, upload(device, steps));
        return [byOne, byOwn];
      });
      expect(await take(byOne)).toEqual(x.values.map((v) => v - 3));
      expect(await take(byOwn)).toEqual(x.values.map((v, i) => v + steps.values[i]!));
    },
  );

  test('refuses what does not fit', () => {
    expectRefusal(
      () => advance(device.tensor([3], 'i32'), device.tensor([2], 'i32')),
      'ERR_SHAPE',
      'advance: expected step to be [3] or [1], got [2]',
    );
    expectRefusal(
      () => advance(device.tensor([3]), device.tensor([3], 'i32')),
      'ERR_DTYPE',
      'advance: expected x to be i32, got f32',
    );
  });
});

import { describe, expect, test } from 'vitest';
import { fill, scope } from '../../lib/index.ts';
import { count, stored } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { take } from '../support/op_case.ts';

onEveryDevice('fill', (device) => {
  describe.each(['f32', 'bf16', 'i32', 'i8'] as const)('of %s', (dtype) => {
    test.each([[[1]], [[7]], [[3, 257]], [[2, 3, 5, 7]]])('sets all of %j', async (shape) => {
      for (const value of [0, -2.7, 100.3]) {
        const y = scope(() => {
          const y = device.tensor(shape, dtype);
          fill(y, value);
          return y;
        });
        const expected = stored(Math.fround(value), dtype) + 0;
        expect(await take(y)).toEqual(new Float64Array(count(shape)).fill(expected));
      }
    });

    test('sets rows that begin anywhere, and nothing beside them', async () => {
      const x = scope(() => {
        const x = device.from(new Array(4 * 17).fill(1), [4, 17], dtype);
        fill(x.slice(1, 3), 2);
        return x;
      });
      const row = (value: number) => new Array(17).fill(value);
      expect([...(await take(x))]).toEqual([...row(1), ...row(2), ...row(2), ...row(1)]);
    });
  });
});

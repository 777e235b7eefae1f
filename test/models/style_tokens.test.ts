import { expect, test } from 'vitest';
import { gradients, multiply, scope, sum, type Tensor } from '../../lib/index.ts';
import {
  addStyleNoise,
  blendStyle,
  mixStyles,
  withoutSubject,
} from '../../lib/models/style_tokens.ts';
import { input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectRefusal, expectSameBits, take, upload } from '../support/op_case.ts';
import { gaussian } from '../support/philox.ts';

const [a, b, c] = [1, 2, 3].map((seed) => input([2, 3, 5], seed)) as [
  ReturnType<typeof input>,
  ReturnType<typeof input>,
  ReturnType<typeof input>,
];

onEveryDevice('style tokens', (device) => {
  const got = (run: (x: Tensor, y: Tensor, z: Tensor) => Tensor) =>
    take(scope(() => run(upload(device, a), upload(device, b), upload(device, c))));
  const combined = (of: number, plus: number, more = 0) =>
    a.values.map((value, i) => of * value + plus * b.values[i]! + more * c.values[i]!);

  test('are of features without 0.8 of those of the subject, or as much as told', async () => {
    expectClose(await got((x, y) => withoutSubject(x, y)), combined(1, -0.8), 2);
    expectClose(await got((x, y) => withoutSubject(x, y, 0.25)), combined(1, -0.25), 2);
  });

  test('are 0.2 of the whole and 0.8 without the subject, or as told', async () => {
    expectClose(await got((x, y) => blendStyle(x, y)), combined(0.2, 0.8), 2);
    expectClose(await got((x, y) => blendStyle(x, y, 0.5)), combined(0.5, 0.5), 2);
  });

  test('of several references are the sum of each times its weight', async () => {
    const mixed = await got((x, y, z) => mixStyles([x, y, z], [0.5, 0.75, -0.25]));
    expectClose(mixed, combined(0.5, 0.75, -0.25), 3);
    expectClose(await got((x) => mixStyles([x], [2])), combined(2, 0), 1);
  });

  test('have the noise of the seed of each image, whatever is beside it', async () => {
    const seeds = [
      [7, 1],
      [-9, 0],
    ] as const;
    const noisy = (which: readonly number[]) =>
      got((x) => {
        const rows = which.map((i) => x.slice(i, i + 1));
        const style = rows.length === 1 ? rows[0]! : x;
        const of = device.from(Int32Array.from(which.flatMap((i) => [...seeds[i]!])), [
          which.length,
          2,
        ]);
        return addStyleNoise(style, of, 0.3);
      });
    const both = await noisy([0, 1]);
    const expected = a.values.map(
      (value, i) => value + 0.3 * gaussian(seeds[Math.floor(i / 15)]!, i % 15),
    );
    // Sine, cosine and logarithm of f32 are good to a few roundings.
    expectClose(both, expected, 16);
    expectSameBits([await noisy([1])], [both.subarray(15)]);
  });

  test('are as they were with noise of strength 0', async () => {
    const same = await got((x) => addStyleNoise(x, device.zeros([2, 2], 'i32'), 0));
    expect(same).toEqual(a.values);
  });

  test('pass gradients through all of it', async () => {
    const taken = scope(() => {
      const [x, y, g] = [upload(device, a), upload(device, b), upload(device, c)];
      const seeds = device.from(Int32Array.of(1, 2, 3, 4), [2, 2]);
      return gradients(() => {
        const style = blendStyle(mixStyles([x, y], [3, 2]), withoutSubject(x, y));
        return sum(multiply(addStyleNoise(style, seeds, 0.1), g));
      }, [x, y]);
    });
    const [dx, dy] = await Promise.all(taken.map(take));
    // 0.2 * 3 + 0.8, and 0.2 * 2 - 0.8 * 0.8, of the gradient of the style itself.
    expectClose(
      dx!,
      c.values.map((value) => 1.4 * value),
      4,
    );
    expectClose(
      dy!,
      c.values.map((value) => -0.24 * value),
      16,
    );
  });

  test('refuse what does not fit together', () => {
    const of = (...extents: number[]) => device.zeros(extents);
    expectRefusal(
      () => withoutSubject(of(2, 3, 5), of(1, 3, 5)),
      'ERR_SHAPE',
      'withoutSubject: expected subject to be [2, 3, 5], got [1, 3, 5]',
    );
    expectRefusal(
      () => blendStyle(of(2, 3, 5), of(3, 5)),
      'ERR_SHAPE',
      'blendStyle: expected faded to be [2, 3, 5], got [3, 5]',
    );
    expectRefusal(
      () => mixStyles([of(2, 3, 5), of(2, 1, 5)], [1, 1]),
      'ERR_SHAPE',
      'mixStyles: expected style 1 to be [2, 3, 5], got [2, 1, 5]',
    );
    expectRefusal(
      () => mixStyles([of(2, 3, 5)], [1, 1]),
      'ERR_VALUE',
      'mixStyles: expected weights to be one for each of at least one style, got 2 for 1',
    );
    expectRefusal(
      () => mixStyles([], []),
      'ERR_VALUE',
      'mixStyles: expected weights to be one for each of at least one style, got 0 for 0',
    );
    expectRefusal(
      () => addStyleNoise(of(2, 3, 5), device.zeros([1, 2], 'i32'), 0.1),
      'ERR_SHAPE',
      'addStyleNoise: expected seeds to be [2, 2], got [1, 2]',
    );
  });
});

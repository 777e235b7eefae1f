import { expect, test } from 'vitest';
import { wanted } from '../../lib/autograd/record.ts';
import {
  gradients,
  keep,
  openDevice,
  record,
  scope,
  type Tensor,
  valueAndGradients,
} from '../../lib/index.ts';
import { onEveryHostSide } from '../support/on_every_device.ts';
import { add, multiply, powers, sum } from './small_ops.ts';

/** The values of tensors, which are disposed of. */
const take = (tensors: readonly Tensor[]): Promise<number[][]> =>
  Promise.all(
    tensors.map(async (tensor) => {
      const read = tensor.read();
      tensor.dispose();
      return [...(await read)];
    }),
  );

onEveryHostSide('gradients', (device) => {
  const ofPoint = (values: number[], forward: (x: Tensor) => Tensor) =>
    scope(() => {
      const x = device.from(values);
      return gradients(() => forward(x), [x]);
    });

  test('are those of the chain rule', async () => {
    const [dx] = await take(ofPoint([2, 3], (x) => sum(multiply(multiply(x, x), x))));
    expect(dx).toEqual([12, 27]);
  });

  test('add up where paths meet', async () => {
    const [dx] = await take(
      ofPoint([2, 3], (x) => {
        const y = add(x, x);
        return sum(add(add(y, x), multiply(y, y)));
      }),
    );
    expect(dx).toEqual([2 + 1 + 8 * 2, 2 + 1 + 8 * 3]);
  });

  test('come with the value', async () => {
    const { value, gradients } = scope(() => {
      const x = device.from([2, 3]);
      return valueAndGradients(() => sum(multiply(x, x)), [x]);
    });
    expect(await take([value, ...gradients])).toEqual([[13], [4, 6]]);
  });

  test('are taken of each tensor asked for, and zero where it does not matter', async () => {
    const found = scope(() => {
      const [x, y, z] = [device.from([2]), device.from([3]), device.from([5])];
      return gradients(() => sum(multiply(x, y)), [y, z, x, y]);
    });
    expect(await take(found.slice(0, 3))).toEqual([[2], [0], [3]]);
    expect(found[3]).toBe(found[0]);
  });

  test.each([
    ['both', (x: Tensor) => sum(add(powers(x).square, powers(x).cube)), 2 * 3 + 3 * 9],
    ['the first', (x: Tensor) => sum(powers(x).square), 2 * 3],
    ['the second', (x: Tensor) => sum(powers(x).cube), 3 * 9],
  ])('go through a step with two results of which %s is used', async (_, forward, expected) => {
    expect(await take(ofPoint([3], forward))).toEqual([[expected]]);
  });

  test('of the value itself are one', async () => {
    expect(await take(ofPoint([3], (x) => x))).toEqual([[1]]);
  });

  test('find what scopes and dispose have let go', async () => {
    const [dx] = await take(
      ofPoint([2, 3], (x) => {
        const y = scope(() => {
          const inner = multiply(x, x);
          const z = multiply(inner, x);
          inner.dispose();
          return z;
        });
        const filler = device.full([2], 99); // would take freed memory
        filler.dispose();
        return scope(() => sum(y));
      }),
    );
    expect(dx).toEqual([12, 27]);
  });

  test('free what they no longer need on the way back', async () => {
    const count = 16;
    let most = 0;
    const bytes = 4 << 16;
    const [dx] = scope(() => {
      const x = device.full([1 << 16], 1);
      return gradients(() => {
        let y = x;
        for (let i = 0; i < count; i++) {
          const before = y;
          y = scope(() => multiply(before, x));
          record(y, [before], () => {
            most = Math.max(most, device.memory().liveBytes);
            return [];
          });
        }
        return sum(y);
      }, [x]);
    });
    dx!.dispose();
    // All that was made in the forward pass, and a few gradients.
    expect(most).toBeGreaterThan(count * bytes);
    expect(most).toBeLessThan((count + 8) * bytes);
  });

  test('leave tensors that were kept', async () => {
    let cache: Tensor | undefined;
    const [dx] = ofPoint([2], (x) => {
      cache = keep(device.from([7]));
      return sum(multiply(x, cache));
    });
    expect(await take([dx!, cache!])).toEqual([[7], [7]]);
  });

  test('are not noted where nothing is wanted', () => {
    scope(() => {
      const x = device.from([2]);
      const y = device.from([3]);
      let called = false;
      gradients(() => {
        record(y, [x], () => {
          called = true;
          return [undefined];
        });
        expect([wanted(x), wanted(y), wanted(undefined)]).toEqual([false, true, false]);
        return sum(y);
      }, [y]);
      expect(called).toBe(false);
      expect(wanted(y)).toBe(false);
    });
  });

  test('refuse a value of several elements', () => {
    expect(() => ofPoint([2, 3], (x) => multiply(x, x))).toThrow(
      expect.objectContaining({
        code: 'ERR_SHAPE',
        message: 'gradients: expected forward to return [1], got [2]',
      }),
    );
  });

  test.each([
    ['disposed of', 'ERR_DISPOSED', 'live, got one that was disposed of'],
    ['whole numbers', 'ERR_DTYPE', 'f32 or bf16, got i32'],
    ['on another device', 'ERR_DEVICE', `on ${device.name}, as the number is, got cpu-portable`],
  ])('refuse to differentiate by tensors that are %s', async (kind, code, message) => {
    const other = await openDevice('cpu:portable', { threads: 1 });
    const x = device.from([2]);
    const by = kind === 'whole numbers' ? device.from(Int32Array.of(2)) : other.from([2]);
    if (kind === 'disposed of') by.dispose();
    expect(() => gradients(() => multiply(x, x), [x, by])).toThrow(
      expect.objectContaining({
        code,
        message: `gradients: expected tensors of wrt to be ${message}`,
      }),
    );
    for (const tensor of [x, by]) tensor.dispose();
    await other.close();
  });

  test('refuse second derivatives', () => {
    expect(() => ofPoint([2], (x) => gradients(() => sum(x), [x])[0]!)).toThrow(
      'gradients: expected no gradient to be running, got one. Second derivatives are not taken.',
    );
  });

  test('refuse a backward that gives another shape than its input', () => {
    const wrong = (x: Tensor) => sum(record(multiply(x, x), [x], () => [device.zeros([3])]));
    expect(() => ofPoint([2, 3], wrong)).toThrow(
      'record: expected the gradient to be [2] f32 like its input, got [3] f32',
    );
  });

  test('pass on what the forward pass throws, and leave nothing behind', () => {
    const fails = (x: Tensor): Tensor => {
      scope(() => multiply(x, x));
      throw new Error('no such thing');
    };
    expect(() => ofPoint([2], fails)).toThrow('no such thing');
    expect(device.memory().storages).toBe(0);
  });
});

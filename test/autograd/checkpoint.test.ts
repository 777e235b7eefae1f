import { expect, test } from 'vitest';
import { checkpoint, gradients, scope, type Tensor } from '../../lib/index.ts';
import { onEveryHostSide } from '../support/on_every_device.ts';
import { add, multiply, sum } from './small_ops.ts';

onEveryHostSide('checkpoint', (device) => {
  /** Gradients of x and w through `depth` steps `x w + x`, each perhaps in a checkpoint. */
  const through = async (depth: number, wrap: (body: () => Tensor) => Tensor) => {
    let runs = 0;
    let most = 0;
    const grads = scope(() => {
      const x = device.from(Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i)));
      const w = device.from(Float32Array.from({ length: 1000 }, (_, i) => Math.cos(3 * i) / 2));
      return gradients(() => {
        let y = x;
        for (let i = 0; i < depth; i++) {
          const before = y;
          y = wrap(() => {
            runs++;
            return scope(() => {
              let z = before;
              for (let j = 0; j < 8; j++) z = add(multiply(z, w), z);
              return z;
            });
          });
        }
        most = device.memory().liveBytes;
        return sum(y);
      }, [x, w]);
    });
    const values = await Promise.all(grads.map((grad) => grad.read()));
    for (const grad of grads) grad.dispose();
    return { values, runs, most };
  };

  test('gives the same gradients, bit for bit, with two runs and less memory', async () => {
    const plain = await through(6, (body) => body());
    const saved = await through(6, checkpoint);
    expect(saved.values).toEqual(plain.values);
    expect([plain.runs, saved.runs]).toEqual([6, 12]);
    expect(plain.most / saved.most).toBeGreaterThan(6);
  });

  test('may lie in another', async () => {
    const plain = await through(2, (body) => body());
    const nested = await through(2, (body) =>
      checkpoint(() => add(checkpoint(body), checkpoint(body))),
    );
    expect(nested.values[0]!.length).toBe(plain.values[0]!.length);
    const doubled = await through(2, (body) => add(body(), body()));
    expect(nested.values).toEqual(doubled.values);
  });

  test.each([
    ['x + (x + f(x))', (x: Tensor, f: Tensor) => add(x, add(x, f))],
    ['(x + f(x)) + x', (x: Tensor, f: Tensor) => add(add(x, f), x)],
    ['(f(x) + x) + f(x)', (x: Tensor, f: Tensor) => add(add(f, x), f)],
  ] as const)(
    'may hand the gradient of its result on to what was made before, as %s',
    async (_, body) => {
      const taken = (wrap: (body: () => Tensor) => Tensor) => {
        const [dx] = scope(() => {
          const x = device.from([3, -0.5]);
          return gradients(() => {
            const step = (z: Tensor) => wrap(() => scope(() => body(z, multiply(z, x))));
            return sum(step(step(x)));
          }, [x]);
        });
        return dx!.read().finally(() => dx!.dispose());
      };
      expect(await taken(checkpoint)).toEqual(await taken((body) => body()));
    },
  );

  test('may return several tensors, of which some are used', async () => {
    const [dx] = scope(() => {
      const x = device.from([3]);
      return gradients(() => {
        const [, square] = checkpoint(() => [add(x, x), multiply(x, x)] as const);
        return sum(square);
      }, [x]);
    });
    expect([...(await dx!.read())]).toEqual([6]);
    dx!.dispose();
  });

  test.each([
    ['both places', ([p, q]: readonly Tensor[]) => multiply(p!, q!), 4 * 3 ** 3],
    ['one of them', ([p]: readonly Tensor[]) => p!, 6],
  ])('may return one tensor in two places, of which %s are used', async (_, of, wanted) => {
    const [dx] = scope(() => {
      const x = device.from([3]);
      return gradients(() => {
        const returned = checkpoint(() => {
          const square = multiply(x, x);
          return [square, square] as const;
        });
        return sum(of(returned));
      }, [x]);
    });
    expect([...(await dx!.read())]).toEqual([wanted]);
    dx!.dispose();
  });

  test('is the function itself where no gradient is taken', async () => {
    const y = scope(() => {
      const x = device.from([3]);
      return checkpoint(() => multiply(x, x));
    });
    expect([...(await y.read())]).toEqual([9]);
    y.dispose();
  });
});

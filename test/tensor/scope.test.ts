import { expect, test } from 'vitest';
import { keep, scope, type Tensor } from '../../lib/index.ts';
import { onEveryHostSide } from '../support/on_every_device.ts';

onEveryHostSide('scope', (device) => {
  const one = () => device.zeros([1]);
  const dispose = (...tensors: Tensor[]) => {
    for (const tensor of tensors) tensor.dispose();
  };

  test('frees what was made inside and not returned', () => {
    let inner: Tensor | undefined;
    const y = scope(() => {
      inner = one();
      return one();
    });
    expect([inner!.disposed, y.disposed]).toEqual([true, false]);
    expect(device.memory().storages).toBe(1);
    y.dispose();
  });

  test('leaves what was made outside', () => {
    const x = one();
    scope(() => {
      x.slice(0, 1);
    });
    expect(x.disposed).toBe(false);
    x.dispose();
  });

  test('finds what is returned in arrays, objects, maps and sets', () => {
    const made = scope(() => {
      one();
      return {
        list: [one(), [one()]],
        nested: { of: { any: one() }, no: undefined, number: 3 },
        map: new Map([['a', one()]]),
        set: new Set([one()]),
      };
    });
    expect(device.memory().tensors).toBe(5);
    dispose(made.list[0] as Tensor, (made.list[1] as Tensor[])[0]!, made.nested.of.any);
    dispose(...made.map.values(), ...made.set);
  });

  test('hands what is returned to the scope around it', () => {
    scope(() => {
      const y = scope(() => one());
      expect(y.disposed).toBe(false);
    });
    expect(device.memory().tensors).toBe(0);
  });

  test('frees everything when it is left by an exception', () => {
    expect(() =>
      scope(() => {
        one();
        scope(() => one());
        throw new Error('no such thing');
      }),
    ).toThrow('no such thing');
    expect(device.memory().tensors).toBe(0);
  });

  test('leaves what is kept', () => {
    let kept: Tensor | undefined;
    scope(() => {
      scope(() => {
        one();
        kept = keep(one());
      });
    });
    expect(kept!.disposed).toBe(false);
    expect(device.memory().tensors).toBe(1);
    kept!.dispose();
  });

  test('keeps a storage while a view on it lives', async () => {
    const y = scope(() => device.from([1, 2, 3, 4]).slice(1, 3));
    expect(device.memory()).toMatchObject({ tensors: 1, storages: 1 });
    expect([...(await y.read())]).toEqual([2, 3]);
    y.dispose();
    expect(device.memory().storages).toBe(0);
  });

  test('refuses a body that is asynchronous', () => {
    expect(() => scope(async () => one())).toThrow(
      'scope: expected body to be synchronous, got a function that returns a promise',
    );
    expect(device.memory().tensors).toBe(0);
  });

  test('is left by `using` in the order of declaration', () => {
    {
      using x = one();
      using y = x.slice(0, 1);
      expect(device.memory().tensors).toBe(2);
      expect(y.count).toBe(1);
    }
    expect(device.memory().tensors).toBe(0);
  });
});

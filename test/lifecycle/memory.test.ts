import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Device, gradients, openDevice, scope, type Tensor } from '../../lib/index.ts';
import { add, multiply, sum } from '../autograd/small_ops.ts';
import { devicesToTest } from '../support/on_every_device.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

afterEach(() => vi.unstubAllEnvs());

describe.each(devicesToTest({ withHostSide: true }))('memory of %s', (kind) => {
  /** A small gradient, and a graph of it. */
  const compute = async (device: Device): Promise<number[]> => {
    const graph = scope(() => {
      const x = device.from([2, 3]);
      return device.record(() => gradients(() => sum(add(multiply(x, x), x)), [x])[0]!);
    });
    graph.replay();
    const read = graph.result.read();
    graph.result.dispose();
    graph.dispose();
    return [...(await read)];
  };

  test('may end at any allocation: a typed error, nothing left, and the next call is right', async () => {
    let failed = 0;
    for (let n = 1; ; n++) {
      vi.stubEnv('STYLEAR_TEST_FAIL_ALLOCATION', String(n));
      await using device = await openDevice(kind);
      vi.unstubAllEnvs();
      const before = await compute(device).catch((error) => error);
      expect(device.memory()).toMatchObject({ storages: 0, graphs: 0, liveBlocks: 0 });
      if (Array.isArray(before)) break;
      expect(await compute(device)).toEqual([5, 7]);
      expect(before).toMatchObject({ name: 'StylearError', code: 'ERR_OUT_OF_MEMORY' });
      failed++;
    }
    expect(failed).toBeGreaterThan(6);
  });

  test('stays the same over a loop that frees what it makes', async () => {
    await using device = await openDevice(kind);
    const round = async () => {
      let read: Promise<unknown> | undefined;
      scope(() => {
        const x = device.from(new Float32Array(1000));
        const [dx] = gradients(() => sum(add(multiply(x, x), x)), [x]);
        read = dx!.read();
      });
      await read;
    };
    await round();
    const before = device.memory().reservedBytes;
    for (let i = 0; i < 100; i++) await round();
    expect(device.memory()).toMatchObject({ reservedBytes: before, storages: 0 });
  });

  test('is given back by the garbage collector where a tensor was forgotten', async () => {
    await using device = await openDevice(kind);
    for (let i = 0; i < 200; i++) device.tensor([1 << 18]);
    expect(device.memory().storages).toBeGreaterThan(0);
    // Finalisers run when the event loop turns.
    for (let i = 0; i < 50 && device.memory().storages > 2; i++) {
      collectGarbage();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    // What a register or a stack slot still points at may outlive the collection.
    expect(device.memory().storages).toBeLessThanOrEqual(2);
  });
});

test('a tensor is no plain number to an op', async () => {
  await using device = await openDevice('cpu');
  scope(() => {
    const x = device.zeros([1]);
    const wrong = (args: object, message: string) =>
      expect(() => device.run('fill', args as { y: Tensor; value: number })).toThrow(message);
    wrong({ y: x.handle, value: 1 }, 'fill: expected y to be a tensor, got number');
    wrong({ y: x, value: x }, 'fill: expected value to be a number, got a tensor');
    wrong({ y: x, value: '1' }, "fill: expected value to be a number, got '1'");
    wrong({ y: x }, 'fill: expected value to be a number, got undefined');
    wrong({ y: null, value: 1 }, 'fill: expected y to be a tensor, got null');
    wrong({ y: x, value: Number.NaN }, 'fill: expected value to be a number, got NaN');
  });
});

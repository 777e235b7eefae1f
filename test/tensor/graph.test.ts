import { expect, test } from 'vitest';
import { scope, type Tensor } from '../../lib/index.ts';
import { onEveryHostSide } from '../support/on_every_device.ts';

onEveryHostSide('graph', (device) => {
  /** `x += y` */
  const accumulate = (x: Tensor, y: Tensor) => device.run('add', { x, y, z: x, alpha: 1, beta: 1 });
  const sum = (x: Tensor, y: Tensor) => {
    const z = x.like();
    device.run('add', { x, y, z, alpha: 1, beta: 1 });
    return z;
  };
  const values = async (x: Tensor) => [...(await x.read())];

  test('does nothing while it is recorded, and the same each time it is replayed', async () => {
    using x = device.from([1, 2]);
    using y = device.from([10, 20]);
    using graph = device.record(() => accumulate(x, y));
    expect(await values(x)).toEqual([1, 2]);
    graph.replay();
    expect(await values(x)).toEqual([11, 22]);
    for (let i = 0; i < 100; i++) graph.replay();
    expect(await values(x)).toEqual([1011, 2022]);
  });

  test('reads the tensors as they are when it is replayed', async () => {
    using x = device.from([0, 0]);
    using y = device.from([1, 1]);
    using graph = device.record(() => accumulate(x, y));
    graph.replay();
    y.write([5, 6]);
    graph.replay();
    expect(await values(x)).toEqual([6, 7]);
  });

  test('returns what its body returned, written anew by each replay', async () => {
    using x = device.from([1]);
    using y = device.from([2]);
    using graph = device.record(() => sum(sum(x, y), y));
    using result = graph.result;
    graph.replay();
    expect(await values(result)).toEqual([5]);
    x.write([10]);
    graph.replay();
    expect(await values(result)).toEqual([14]);
  });

  test('owns the memory that was allocated while it was recorded', async () => {
    using x = device.from([1]);
    using y = device.from([2]);
    const before = device.memory().storages;
    using graph = device.record(() => sum(sum(sum(x, y), y), y));
    using result = graph.result;
    expect(device.memory().storages - before).toBe(1);
    scope(() => {
      for (let i = 0; i < 50; i++) device.full([1], 99); // must not get what the graph writes
    });
    graph.replay();
    const read = values(result);
    using late = device.full([1], 77);
    expect(await read).toEqual([7]);
    graph.replay();
    expect(await values(late)).toEqual([77]);
  });

  test('keeps the tensors it touches alive', async () => {
    const graph = scope(() => {
      const x = device.from([1]);
      const y = device.from([2]);
      return device.record(() => sum(x, y));
    });
    expect(device.memory().storages).toBe(2 + 1);
    graph.replay();
    expect(await values(graph.result)).toEqual([3]);
    graph.result.dispose();
    graph.dispose();
    expect(device.memory()).toMatchObject({ storages: 0, graphs: 0, liveBlocks: 0 });
  });

  test('may be disposed of while replays of it are waiting, and before its result', async () => {
    using x = device.from([1]);
    using y = device.from([2]);
    const graph = device.record(() => sum(x, y));
    graph.replay();
    graph.dispose();
    graph.dispose();
    using other = device.full([1], 50);
    expect(await values(graph.result)).toEqual([3]);
    expect(await values(other)).toEqual([50]);
    graph.result.dispose();
  });

  test('gives its memory back', () => {
    using x = device.from([1]);
    const round = () => {
      const graph = device.record(() => sum(sum(x, x), x));
      graph.result.dispose();
      graph.dispose();
    };
    round();
    const before = device.memory().reservedBytes;
    for (let i = 0; i < 20; i++) round();
    expect(device.memory().reservedBytes).toBe(before);
  });

  test('refuses to read, to write and to record while one is recorded', async () => {
    using x = device.from([1]);
    const refused = (call: string) =>
      `${call}: expected no recording to be going on, got one. Call it before or after \`record\`.`;
    const during = (body: () => unknown) => () => device.record(body);
    expect(during(() => x.write([2]))).toThrow(refused('upload'));
    expect(during(() => device.record(() => {}))).toThrow(refused('begin_recording'));
    let read: Promise<unknown> | undefined;
    device
      .record(() => {
        read = x.read();
        read.catch(() => {});
      })
      .dispose();
    await expect(read).rejects.toThrow(refused('download'));
    expect(await values(x)).toEqual([1]);
  });

  test('is not made when its body throws', async () => {
    using x = device.from([1]);
    const fails = () =>
      device.record(() => {
        sum(x, x);
        throw new Error('no such thing');
      });
    expect(fails).toThrow('no such thing');
    expect(device.memory()).toMatchObject({ storages: 1, graphs: 0 });
    accumulate(x, x);
    expect(await values(x)).toEqual([2]);
  });

  test('names itself when it is replayed after it was disposed of', () => {
    const graph = device.record(() => {});
    graph.dispose();
    expect(() => graph.replay()).toThrow(
      expect.objectContaining({
        code: 'ERR_DISPOSED',
        message: 'replay: expected the graph to be live, got one that was disposed',
      }),
    );
  });
});

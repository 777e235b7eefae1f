import { describe, expect, test } from 'vitest';
import type { GenerateRequest } from '../../lib/generate/request.ts';
import { RequestQueue, type Requests } from '../../lib/generate/request_queue.ts';

const requestOf = (prompt: string, change: Partial<GenerateRequest> = {}): GenerateRequest => ({
  prompt,
  ...change,
});
const queueOf = (requests: Requests) => new RequestQueue(requests, () => {});
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What is taken up, one after another, with `most` that wait. */
async function taken(queue: RequestQueue, most = 2): Promise<[number, string][]> {
  const all: [number, string][] = [];
  for (;;) {
    await queue.fill(most);
    const queued = queue.peek();
    if (queued) {
      all.push([queued.index, queued.request.prompt]);
      queue.drop(queued);
    } else if (queue.exhausted) {
      queue.requireWhole();
      return all;
    } else await turn();
  }
}

/** An iterator by its methods. */
const asyncOf = (methods: object) =>
  ({ [Symbol.asyncIterator]: () => methods }) as unknown as AsyncIterable<GenerateRequest>;
const syncOf = (methods: object) =>
  ({ [Symbol.iterator]: () => methods }) as unknown as Iterable<GenerateRequest>;

describe('requests', () => {
  const priorities = [0, 1, undefined, Number.NaN, 3, 0, 1, 2];
  const given = priorities.map((priority, i) => requestOf(`${i}`, { priority }));

  test.each([
    ['an array', given],
    ['a set', new Set(given)],
  ])('of %s are taken by priority, whatever was read ahead', async (_, requests) => {
    const order = [4, 7, 1, 6, 0, 2, 3, 5];
    expect(await taken(queueOf(requests), 1)).toEqual(order.map((i) => [i, `${i}`]));
  });

  test('of a generator are taken by priority among those that were read', async () => {
    const order = await taken(queueOf(given.values()), 2);
    expect(order.map(([index]) => index)).toEqual([1, 0, 2, 4, 3, 6, 7, 5]);
  });

  test('may be one object, used again', async () => {
    function* source() {
      const request = { prompt: '', size: { width: 32, height: 32 } };
      for (const prompt of ['a', 'b', 'c']) {
        request.prompt = prompt;
        yield request;
      }
    }
    const all = await taken(queueOf(source()), 3);
    expect(all.map(([, prompt]) => prompt)).toEqual(['a', 'b', 'c']);
  });

  test.each([
    ['no promises', (result: unknown) => result],
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library
    ['thenables', (result: unknown) => ({ then: (done: (r: unknown) => void) => done(result) })],
  ])('may come over time as %s', async (_, as) => {
    let read = 0;
    const next = () =>
      as(read++ < 2 ? { done: false, value: requestOf(`${read}`) } : { done: true });
    expect(await taken(queueOf(asyncOf({ next })))).toEqual([
      [0, '1'],
      [1, '2'],
    ]);
  });

  const failing = [
    ['a source', syncOf],
    ['a source over time', asyncOf],
  ] as const;
  test.each(failing)('of %s that throws are finished, then it throws', async (_, of) => {
    let read = 0;
    const next = () => {
      if (read++ < 2) return { done: false, value: requestOf(`${read}`) };
      throw new Error('no more');
    };
    const queue = queueOf(of({ next }));
    await queue.fill(4);
    await turn();
    expect(queue.exhausted).toBe(false);
    for (const prompt of ['1', '2']) {
      expect(queue.peek()!.request.prompt).toBe(prompt);
      queue.drop(queue.peek()!);
    }
    expect(queue.exhausted).toBe(true);
    expect(() => queue.requireWhole()).toThrow('no more');
  });

  test('of a collection that throws are finished, then it throws', async () => {
    const broken = {
      size: 2,
      *[Symbol.iterator]() {
        yield requestOf('a');
        throw new Error('no more');
      },
    };
    const queue = queueOf(broken);
    await queue.fill(4);
    expect(queue.peek()!.request.prompt).toBe('a');
    queue.drop(queue.peek()!);
    await queue.fill(4);
    expect(queue.exhausted).toBe(true);
    expect(() => queue.requireWhole()).toThrow('no more');
  });

  test('that are none count as many pictures as they ask for', async () => {
    const queue = queueOf([{ prompt: 1, count: 3 }, null, requestOf('', { count: -1 })] as never);
    await queue.fill(4);
    for (const count of [3, 1, 1]) {
      expect(queue.peek()).toMatchObject({ count, fault: { error: { code: 'ERR_INPUT' } } });
      queue.drop(queue.peek()!);
    }
  });
});

describe('the end of a source', () => {
  test.each([
    ['ended', () => ({ done: true })],
    [
      'threw',
      () => {
        throw new Error('no more');
      },
    ],
  ])('is not told to it when it %s by itself', async (_, next) => {
    for (const of of [syncOf, asyncOf]) {
      let told = 0;
      const queue = queueOf(of({ next, return: () => told++ }));
      await queue.fill(1);
      await turn();
      await queue.close();
      expect(told).toBe(0);
    }
  });

  test('is told once, and rejects with what it makes of it', async () => {
    for (const of of [syncOf, asyncOf]) {
      let told = 0;
      const end = () => {
        told++;
        throw new Error('clean-up');
      };
      const next = () => ({ done: false, value: requestOf('a') });
      const queue = queueOf(of({ next, return: end }));
      await queue.fill(1);
      await expect(queue.close()).rejects.toThrow('clean-up');
      await queue.close();
      expect(told).toBe(1);
    }
  });

  test('is not waited for while it is read, whatever comes of it', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    async function* source() {
      try {
        await gate;
        yield requestOf('a');
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: the case that is tested
        throw new Error('clean-up');
      }
    }
    const queue = queueOf(source());
    await queue.fill(1);
    await queue.close();
    go();
    for (let i = 0; i < 5; i++) await turn();
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });
});

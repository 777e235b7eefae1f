// Calls that want the same room, and what of a call is told.
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GenerateEvent, type GenerateRequest, StyleAR } from '../../lib/index.ts';
import { withSmallModel } from '../support/small_model.ts';
import { essence, eventsOf, leastCacheBytes, requestFor } from './small.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

withSmallModel('calls', ({ folder }) => {
  const size = { width: 96, height: 96 };
  /** It takes all of the room. */
  const large = (seed: number, change: Partial<GenerateRequest> = {}) =>
    requestFor(seed, { size, ...change });
  const small = (seed: number, change: Partial<GenerateRequest> = {}) =>
    requestFor(seed, { guidance: 1, ...change });
  let cacheBytes: number;
  beforeAll(async () => {
    cacheBytes = await leastCacheBytes(folder, large(1));
  });
  const narrow = () => StyleAR.load(folder, { threads: 1, cacheBytes });
  /** What becomes of a promise within some seconds. */
  const soon = <T>(promise: Promise<T>): Promise<T> =>
    Promise.race([
      promise,
      sleep(20_000).then(() => {
        throw new Error('it waits for ever');
      }),
    ]);
  const waits = () => sleep(50);
  /** A call of which one picture is in the making, taking room. */
  async function begun(stylear: StyleAR, request: GenerateRequest) {
    const events = stylear.generate(request);
    expect((await events.next()).value).toMatchObject({ type: 'started' });
    return events;
  }

  describe('that wait for room', () => {
    test('are given it whenever it is given back', async () => {
      const size = { width: 64, height: 64 };
      const cacheBytes = await leastCacheBytes(folder, large(3, { size }));
      await using stylear = await StyleAR.load(folder, { threads: 1, cacheBytes });
      // While the call that waits looks for room, after the first of two that give theirs back.
      for (let microtasks = 0; microtasks < 24; microtasks++) {
        const abort = new AbortController();
        const { signal } = abort;
        let waiting: Promise<unknown> | undefined;
        let started = 0;
        const requests = [small(1, { signal }), small(2, { signal })];
        for await (const event of stylear.generate(requests, { onError: 'event' })) {
          if (event.type === 'started') {
            started++;
            waiting ??= stylear.draw(large(3, { size }));
          } else if (event.type === 'rows') abort.abort();
          if (event.type === 'failed') for (let i = 0; i < microtasks; i++) await null;
        }
        expect(started).toBe(2);
        await soon(waiting!);
      }
    });

    test('take what is behind a request that is dropped meanwhile', async () => {
      await using stylear = await narrow();
      const holder = await begun(stylear, small(1));
      const abort = new AbortController();
      const requests = [large(2, { signal: abort.signal }), small(3)];
      const rest = eventsOf(stylear, requests, { onError: 'event' });
      await waits();
      abort.abort();
      expect((await soon(rest)).at(-1)).toEqual({ type: 'done', images: 1, failed: 1 });
      await holder.return(undefined);
    });

    test('end with their signal, also where it aborts while an event is looked at', async () => {
      await using stylear = await narrow();
      const holder = await begun(stylear, small(1));
      const [one, all] = [new AbortController(), new AbortController()];
      const rest = (async () => {
        const requests = [large(2, { signal: one.signal }), large(3)];
        const options = { onError: 'event', signal: all.signal } as const;
        for await (const event of stylear.generate(requests, options))
          if (event.type === 'failed') all.abort(new Error('enough'));
      })();
      rest.catch(() => {});
      await waits();
      one.abort();
      await expect(soon(rest)).rejects.toThrow('enough');
      await holder.return(undefined);
    });

    test('come before those that ask later, and pictures stay what they are alone', async () => {
      const huge = requestFor(1, { size: { width: 128, height: 128 } });
      const cacheBytes = await leastCacheBytes(folder, huge);
      await using stylear = await StyleAR.load(folder, { threads: 1, cacheBytes });
      const alone = await stylear.draw(huge);
      // They end at different times, so that some are always in the making.
      const sizes = [1, 2, 3].flatMap((height) => [1, 3].map((width) => ({ height, width })));
      let begun = 0;
      let wanted = true;
      function* source() {
        for (; wanted && begun < 200; begun++) {
          const { height, width } = sizes[begun % sizes.length]!;
          yield small(begun, { size: { height: 32 * height, width: 32 * width } });
        }
      }
      const others = eventsOf(stylear, source());
      await sleep(100);
      const before = begun;
      const image = await soon(stylear.draw(huge));
      wanted = false;
      expect(begun - before).toBeLessThan(20);
      expect(essence(image)).toEqual(essence(alone));
      await others;
    });

    test('come in the order of priority', async () => {
      await using stylear = await narrow();
      const holder = await begun(stylear, large(1));
      const order: number[] = [];
      const drawn = [0, 2, 1].map(async (priority) => {
        await stylear.draw(large(priority, { priority }));
        order.push(priority);
      });
      await waits();
      await holder.return(undefined);
      await soon(Promise.all(drawn));
      expect(order).toEqual([2, 1, 0]);
    });

    test('let others pass while whoever has the room does nothing', async () => {
      await using stylear = await narrow();
      const holder = await begun(stylear, small(1));
      const waiting = stylear.draw(large(2));
      await waits();
      // A picture drawn between two events of a call.
      expect((await soon(stylear.draw(small(3)))).picture.width).toBe(32);
      await holder.return(undefined);
      expect((await soon(waiting)).picture.width).toBe(96);
    });
  });

  test('that nobody can go on with give back their room', async () => {
    await using stylear = await narrow();
    const leave = async () => void (await begun(stylear, large(1, { count: 4 })));
    await leave();
    expect(stylear.engine.active).toBe(1);
    for (let i = 0; i < 100 && stylear.engine.active > 0; i++) {
      collectGarbage();
      await sleep(10);
    }
    expect(stylear.engine.active).toBe(0);
    expect((await soon(stylear.draw(large(1)))).picture.width).toBe(96);
  });

  test('that wait for their source end with the model', async () => {
    const stylear = await narrow();
    async function* source(): AsyncGenerator<GenerateRequest> {
      await new Promise(() => {});
      yield small(1);
    }
    const event = stylear.generate(source()).next();
    event.catch(() => {});
    await waits();
    await stylear.close();
    await expect(soon(event)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });

  describe('of one model', () => {
    let stylear: StyleAR;
    beforeAll(async () => {
      stylear = await StyleAR.load(folder, { threads: 1 });
    });
    afterAll(() => stylear.close());

    test('throw what became of the one picture that is drawn, whatever else is asked', async () => {
      const options = { onError: 'event' } as object;
      await expect(stylear.draw(small(1, { prompt: '' }), options)).rejects.toMatchObject({
        code: 'ERR_INPUT',
      });
      await expect(stylear.draw(small(1), 5 as never)).rejects.toThrow(
        'generate: expected options to be an object, got 5',
      );
    });

    test.each([1, 64])('tell of all rows, with windows of %i', async (window) => {
      const events = await eventsOf(stylear, [small(1, { size })], { window });
      const rows = events.filter((event) => event.type === 'rows');
      const last = rows.at(-1)!;
      expect(last).toMatchObject({ rows: last.of, tokens: last.ofTokens });
      expect(new Set(rows.map((event) => event.rows)).size).toBe(rows.length);
      const image = events.find((event) => event.type === 'image')!;
      expect(await last.preview()).toEqual(image.image.picture);
    });

    test('count every picture that is not drawn', async () => {
      const abort = new AbortController();
      const requests = [
        small(1, { count: 5, signal: abort.signal }),
        small(2, { prompt: '', count: 3 }),
        small(3),
      ];
      const failed: unknown[] = [];
      for await (const event of stylear.generate(requests, { batch: 2, onError: 'event' })) {
        if (event.type === 'rows') abort.abort();
        if (event.type === 'failed') failed.push([event.request, event.index, event.pictures]);
        if (event.type === 'done') expect(event).toEqual({ type: 'done', images: 1, failed: 8 });
      }
      expect(failed).toEqual([
        [0, 0, 1],
        [0, 1, 1],
        [0, 2, 3],
        [1, 0, 3],
      ]);
    });

    test('tell of all that an abort ends, also between two pictures that are taken up', async () => {
      const abort = new AbortController();
      const events: GenerateEvent[] = [];
      const request = small(1, { count: 5, signal: abort.signal });
      for await (const event of stylear.generate(request, { batch: 1, onError: 'event' })) {
        events.push(event);
        if (event.type === 'started') abort.abort();
      }
      expect(events.at(-1)).toEqual({ type: 'done', images: 0, failed: 5 });
    });

    test('finish what was read of a source that throws', async () => {
      const given = [small(1), small(2)];
      const sources = [
        function* () {
          yield* given;
          throw new Error('no more');
        },
        async function* () {
          yield* given;
          throw new Error('no more');
        },
      ];
      for (const source of sources) {
        const events: GenerateEvent[] = [];
        const run = async () => {
          for await (const event of stylear.generate(source(), { onError: 'event' }))
            events.push(event);
        };
        await expect(run()).rejects.toThrow('no more');
        expect(events.filter(({ type }) => type === 'image')).toHaveLength(2);
      }
    });

    test('throw what ended them, or else what their source makes of its end', async () => {
      const source = (prompt: string) => ({
        [Symbol.iterator]: () => ({
          next: () => ({ done: false as const, value: small(1, { prompt }) }),
          return: () => {
            throw new Error('clean-up');
          },
        }),
      });
      const run = async (prompt: string) => {
        for await (const _ of stylear.generate(source(prompt))) break;
      };
      await expect(run('')).rejects.toThrow('expected the prompt to be some text');
      await expect(run('a ship')).rejects.toThrow('clean-up');
      expect(stylear.engine.pool.available).toBe(stylear.engine.pool.total);
    });
  });
});

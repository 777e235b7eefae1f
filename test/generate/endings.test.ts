// How calls end that wait or draw when their signal aborts or the model is closed.
import { beforeAll, describe, expect, test } from 'vitest';
import { StyleAR, StyleHandle } from '../../lib/index.ts';
import { withSmallModel } from '../support/small_model.ts';
import { leastCacheBytes, requestFor } from './small.ts';

withSmallModel('an ending', ({ folder }) => {
  const size = { width: 96, height: 96 };
  const closed = {
    code: 'ERR_DISPOSED',
    message: 'generate: expected the model to be open, got one that was closed',
  };
  /** A model whose cache has room for one picture, which a call has taken. */
  async function withoutRoom() {
    const cacheBytes = await leastCacheBytes(folder, requestFor(1, { size }));
    const stylear = await StyleAR.load(folder, { threads: 1, cacheBytes });
    const first = stylear.generate(requestFor(1, { size }));
    expect((await first.next()).value).toMatchObject({ type: 'started' });
    return { stylear, first };
  }
  const nextTurns = async () => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  describe('of a call that waits for room', () => {
    test('comes with its own signal', async () => {
      const { stylear, first } = await withoutRoom();
      const abort = new AbortController();
      const second = stylear.draw(requestFor(2, { size, signal: abort.signal }));
      const other = stylear.draw(requestFor(3, { size }));
      await nextTurns();
      abort.abort(new Error('no longer wanted'));
      await expect(second).rejects.toThrow('no longer wanted');
      await first.return(undefined);
      expect((await other).picture.width).toBe(96);
      await stylear.close();
    });

    test('comes with the model', async () => {
      const { stylear, first } = await withoutRoom();
      const waiting = stylear.draw(requestFor(2, { size }));
      const rest = stylear.generate([requestFor(3, { size }), requestFor(4, { size })], {
        onError: 'event',
      });
      const told = rest.next();
      await nextTurns();
      const ended = Promise.allSettled([waiting, told]);
      await stylear.close();
      for (const one of await ended)
        expect(one).toMatchObject({ status: 'rejected', reason: closed });
      await expect(first.next()).rejects.toMatchObject(closed);
      await expect(stylear.draw(requestFor(5))).rejects.toMatchObject(closed);
      await stylear.close();
    });
  });

  test('of pictures that are being drawn comes with the model', async () => {
    const stylear = await StyleAR.load(folder, { threads: 1 });
    const drawing = [1, 2].map((seed) => stylear.draw(requestFor(seed, { size })));
    await nextTurns();
    const ended = Promise.allSettled(drawing);
    await stylear.close();
    for (const one of await ended)
      expect(one).toMatchObject({ status: 'rejected', reason: closed });
  });

  test('of a whole call comes before the next picture is taken up', async () => {
    await using stylear = await StyleAR.load(folder, { threads: 1 });
    const abort = new AbortController();
    const events = stylear.generate(requestFor(1, { count: 50 }), {
      batch: 16,
      signal: abort.signal,
    });
    expect((await events.next()).value).toMatchObject({ type: 'started', index: 0 });
    abort.abort(new Error('enough'));
    await expect(events.next()).rejects.toThrow('enough');
  });

  describe('of a style that is none', () => {
    let stylear: StyleAR;
    beforeAll(async () => {
      stylear = await StyleAR.load(folder, { threads: 1 });
      return () => stylear.close();
    });

    test('is that of its own request', async () => {
      const { dim } = stylear.preparation.model.chameleon.shape;
      const short = new StyleHandle(new Float32Array(dim), 1, dim);
      const beside = stylear.draw(requestFor(1));
      await expect(stylear.draw(requestFor(2, { style: short }))).rejects.toMatchObject({
        code: 'ERR_INPUT',
      });
      expect((await beside).tokens.length).toBeGreaterThan(4);
      expect((await stylear.draw(requestFor(1))).tokens).toEqual((await beside).tokens);
    });

    test.each([
      ['no vectors', [new Float32Array(0), 0, 16], 'count to be a whole number from 1, got 0'],
      ['an array', [[1, 2], 1, 2], 'values to be a Float32Array, got object'],
      ['fewer numbers', [new Float32Array(3), 2, 2], 'values to be 2 x 2, got 3'],
      ['NaN', [Float32Array.of(1, Number.NaN), 1, 2], 'values to be finite, got NaN'],
    ] as const)('is said where it is made: %s', (_, [values, count, dim], message) => {
      expect(() => new StyleHandle(values as Float32Array, count, dim)).toThrow(
        `StyleHandle: expected ${message}`,
      );
    });
  });
});

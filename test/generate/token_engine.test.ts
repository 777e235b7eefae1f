import { describe, expect, test } from 'vitest';
import { Caller } from '../../lib/generate/line.ts';
import { openDevice } from '../../lib/index.ts';
import { engineOf, requestOf, runAll, tinyChameleon, tinyWeights, vocabulary } from './tiny.ts';

const device = await openDevice('cpu', { threads: 2 });
const model = tinyChameleon(tinyWeights(device));

/** One at a time, one token a step, nothing recorded, on a cache that nobody used before. */
async function plain(
  seed: number,
  change: Parameters<typeof requestOf>[1] = {},
): Promise<number[]> {
  using engine = engineOf(model, { recorded: false });
  const [answer] = await runAll(engine, [requestOf(seed, change)]);
  return answer!.tokens;
}

describe('an answer', () => {
  test('is a picture of the size that was asked for', async () => {
    const tokens = await plain(1);
    const { codes, imageStart, imageEnd, newLine, grid } = vocabulary;
    expect(tokens.slice(0, 3)).toEqual([imageStart, grid + 2, grid + 3]);
    expect(tokens.length).toBe(3 + 4 * 7 + 1);
    expect(tokens.at(-1)).toBe(imageEnd);
    tokens.slice(3, -1).forEach((token, i) => {
      if (i % 7 === 6) expect(token).toBe(newLine);
      else expect(token >= codes[0] && token < codes[1]).toBe(true);
    });
  });

  test('depends on its seed and on its prompt', async () => {
    const tokens = await plain(1);
    expect(await plain(1)).toEqual(tokens);
    expect(await plain(1, { seed: [2, 7] })).not.toEqual(tokens);
    expect(await plain(1, { prompt: [90, 91, 92] })).not.toEqual(tokens);
  });

  test.each([2, 3, 5, 8, 16, 33, 64])('is the same with windows of %i', async (window) => {
    for (const temperature of [0, 0.3, 1]) {
      using engine = engineOf(model);
      const [answer] = await runAll(engine, [requestOf(3, { window, temperature })]);
      expect(answer!.tokens).toEqual(await plain(3, { temperature }));
    }
  });

  test('is the same with windows that are chosen on the way, which leaves nothing in the cache', async () => {
    const requests = Array.from({ length: 5 }, (_, i) => requestOf(i, { window: 'auto' }));
    for (const batch of [1, 3]) {
      using engine = engineOf(model);
      const answers = await runAll(engine, requests, batch);
      for (const [i, { tokens, statistics }] of answers.entries()) {
        expect(tokens).toEqual(await plain(i));
        const steps = Object.values(statistics.windows).reduce((a, b) => a + b, 0);
        expect(steps).toBe(statistics.steps);
      }
    }
  });

  test('takes fewer steps with a window when drafts come true', async () => {
    using engine = engineOf(model);
    // Top-k 1 at temperature 0: what was drawn for a place once is often drawn for it again.
    const [answer] = await runAll(engine, [
      requestOf(3, { window: 16, imageTopK: 1, temperature: 0 }),
    ]);
    const { steps, drawn, accepted } = answer!.statistics;
    expect(accepted).toBeGreaterThan(0);
    expect(steps).toBeLessThan(drawn);
  });

  test.each([2, 3, 7, 16])('is the same among %i others', async (batch) => {
    const requests = Array.from({ length: batch + 2 }, (_, i) =>
      requestOf(i, { window: 1 + (i % 3), guidance: i % 4 === 3 ? 1 : 3 }),
    );
    using engine = engineOf(model);
    const answers = await runAll(engine, requests, batch);
    for (const [i, answer] of answers.entries())
      expect(answer.tokens).toEqual(await plain(i, { guidance: requests[i]!.guidance }));
  });

  test('is the same when the beginning of its prompt is in the cache already', async () => {
    using engine = engineOf(model);
    const [first] = await runAll(engine, [requestOf(9)]);
    expect(first!.cond.reservation.filled).toBe(0);
    const [again] = await runAll(engine, [requestOf(9)]);
    expect(again!.cond.reservation.filled).toBe(1);
    expect(again!.tokens).toEqual(first!.tokens);
    const [other] = await runAll(engine, [requestOf(10)]);
    expect(other!.cond.reservation.filled).toBe(1);
    expect(other!.tokens).toEqual(await plain(10));
  });

  test('draws its size from those that are allowed', async () => {
    const sizes = [
      { height: 1, width: 3 },
      { height: 2, width: 2 },
      { height: 3, width: 1 },
    ];
    for (let seed = 0; seed < 12; seed++) {
      const tokens = await plain(seed, { grammar: { sizes } });
      const [height, width] = tokens.slice(1, 3).map((token) => token - vocabulary.grid);
      expect(sizes).toContainEqual({ height, width });
    }
  });

  test('goes on as text where it is told to, and stops at its limit', async () => {
    using engine = engineOf(model);
    const sizes = [{ height: 1, width: 1 }];
    const request = requestOf(4, {
      grammar: { sizes, withText: true },
      maxTokens: 60,
      textTopK: 0,
    });
    const [answer] = await runAll(engine, [request]);
    expect(answer!.tokens.length).toBeLessThanOrEqual(60);
    if (answer!.tokens.length < 60) expect(answer!.tokens.at(-1)).toBe(vocabulary.stop);
  });
});

describe('the engine', () => {
  test('gives back every page, and has no answer left, whatever becomes of answers', async () => {
    using engine = engineOf(model, { cacheTokens: 512 });
    for (let round = 0; round < 5; round++) {
      const answers = Array.from({ length: 4 }, (_, i) => engine.admit(requestOf(i))!);
      await engine.advance();
      const running = engine.advance();
      engine.release(answers[round % 4]!);
      await running;
      while (engine.active > 0) await engine.advance();
      for (const [i, answer] of answers.entries()) if (i !== round % 4) engine.release(answer);
      expect(engine.pool.available).toBe(engine.pool.total);
    }
  });

  test('refuses what never fits, its two streams together, and sequences that are too long', () => {
    using engine = engineOf(model, { cacheTokens: 96, maxTokens: 90 });
    expect(() => engine.admit(requestOf(0))).toThrow(
      'generate: expected cacheBytes to be at least 28672 for a picture of 40 tokens, got 24576',
    );
    expect(() => engine.admit(requestOf(0, { maxTokens: 80 }))).toThrow(
      'generate: expected prompt and answer to have at most 90 tokens together, got 100',
    );
    const alone = engine.admit(requestOf(0, { guidance: 1 }))!;
    engine.release(alone);
    expect(engine.pool.available).toBe(engine.pool.total);
  });

  test('keeps small answers back while a large one waits, which is told when pages are free', async () => {
    using engine = engineOf(model, { cacheTokens: 160 });
    const large = new Caller(engine.line);
    engine.line.add(large);
    large.enter();
    const first = engine.admit(requestOf(0))!;
    const want = { priority: 0 };
    expect(engine.admit(requestOf(1), large, want)).toBeUndefined();
    const small = requestOf(2, { guidance: 1, prompt: [90], maxTokens: 11 });
    expect(engine.admit(small)).toBeUndefined();
    let told = false;
    const slept = large.sleep().then(() => {
      told = true;
    });
    await engine.advance();
    expect(told).toBe(false);
    engine.release(first);
    await slept;
    expect(engine.admit(requestOf(1), large, want)).toBeDefined();
    expect(engine.admit(small)).toBeDefined();
  });

  test('refuses what does not fit now and takes it later', async () => {
    using engine = engineOf(model, { cacheTokens: 160 });
    const first = engine.admit(requestOf(0))!;
    expect(engine.admit(requestOf(1))).toBeUndefined();
    expect(engine.active).toBe(1);
    while (engine.active > 0) await engine.advance();
    engine.release(first);
    expect(engine.admit(requestOf(1))).toBeDefined();
  });
});

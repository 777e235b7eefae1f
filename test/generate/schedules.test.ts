// Whatever shares a machine with a picture, the picture stays the same. `STYLEAR_SCHEDULES` is how many
// schedules are tried; the long run has 1,000.
import { describe, expect, test } from 'vitest';
import type { Answer } from '../../lib/generate/answer.ts';
import { type Device, openDevice, Weights } from '../../lib/index.ts';
import { Chameleon } from '../../lib/models/chameleon.ts';
import { engineOf, requestOf, runAll, vocabulary } from './tiny.ts';

const schedules = Number(process.env.STYLEAR_SCHEDULES ?? 40);

/** Wide enough that products of more than 64 rows go another way than those of fewer. */
function modelOn(device: Device): Chameleon {
  return new Chameleon(Weights.fresh(device, { seed: 11 }), {
    vocabulary: vocabulary.size,
    layers: 2,
    dim: 160,
    heads: 5,
    kvHeads: 5,
    headDim: 32,
    inner: 288,
    normEps: 1e-5,
    ropeTheta: 10000,
    swinNorm: false,
  });
}

/** Seeded draws of whole numbers below a bound. */
function drawer(seed: number): (bound: number) => number {
  let state = seed + 1;
  return (bound) => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    state ^= state >>> 12;
    return (((state >>> 0) * bound) / 2 ** 32) | 0;
  };
}

const requests = Array.from({ length: 16 }, (_, i) =>
  requestOf(i % 13, {
    seed: [i, i * i],
    guidance: [1, 3, 4][i % 3]!,
    temperature: [0, 0.5, 1][i % 3]!,
    imageTopK: [0, 5, 30][i % 3]!,
    topP: i % 5 === 0 ? 0.9 : 1,
    grammar: { sizes: [{ height: 1 + (i % 2), width: 1 + (i % 3) }] },
  }),
);

describe.each(['f32', 'bf16'] as const)('%s answers', (dtype) => {
  test(`are the same in ${schedules} random schedules`, { timeout: 3_600_000 }, async () => {
    const expected = await (async () => {
      await using device = await openDevice('cpu', { threads: 1 });
      using engine = engineOf(modelOn(device), { dtype, recorded: false });
      return (await runAll(engine, requests)).map(({ tokens }) => tokens);
    })();
    let compared = 0;
    for (const threads of [1, 2, 3, 4]) {
      await using device = await openDevice('cpu', { threads });
      const model = modelOn(device);
      for (let schedule = threads; schedule <= schedules; schedule += 4) {
        using engine = engineOf(model, { dtype, recorded: schedule % 3 > 0 });
        compared += await runSchedule(engine, schedule, expected);
        expect(engine.pool.available).toBe(engine.pool.total);
      }
    }
    expect(compared).toBeGreaterThanOrEqual(schedules);
  });
});

/** Requests in any order that join at any time, with any windows; some are dropped on the way. */
async function runSchedule(
  engine: ReturnType<typeof engineOf>,
  seed: number,
  expected: readonly number[][],
): Promise<number> {
  const draw = drawer(seed);
  const batch = 1 + draw(16);
  const waiting = requests.map((_, i) => i).sort(() => draw(3) - 1);
  waiting.length = 1 + draw(16);
  const running = new Map<Answer, number>();
  let compared = 0;
  while (waiting.length > 0 || running.size > 0) {
    while (waiting.length > 0 && running.size < batch && (running.size === 0 || draw(2))) {
      const index = waiting.pop()!;
      const window = draw(5) === 0 ? 'auto' : 1 + draw(draw(4) === 0 ? 64 : 6);
      running.set(engine.admit({ ...requests[index]!, window })!, index);
    }
    const step = engine.advance();
    const dropped = draw(40) === 0 ? [...running.keys()][draw(running.size)] : undefined;
    if (dropped) {
      engine.release(dropped);
      running.delete(dropped);
    }
    await step;
    for (const [answer, index] of running) {
      if (!answer.finished) continue;
      expect(answer.tokens, `request ${index} in schedule ${seed}`).toEqual(expected[index]);
      engine.release(answer);
      running.delete(answer);
      compared++;
    }
  }
  return compared;
}

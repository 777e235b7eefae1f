import { describe, expect, test } from 'vitest';
import { sample, scope } from '../../lib/index.ts';
import { given, input, stored, uniform } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectRefusal, take, upload } from '../support/op_case.ts';
import { gumbel, type Seed } from '../support/philox.ts';

interface Row {
  readonly logits: readonly number[];
  readonly uncond?: readonly number[];
  readonly range?: readonly [number, number];
  readonly topK?: number;
  readonly guidance?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly seed?: Seed;
  readonly position?: number;
}

const settingsOf = (row: Row) => ({
  range: [0, row.logits.length] as const,
  topK: 0,
  guidance: 1,
  temperature: 1,
  topP: 1,
  minP: 0,
  seed: [1, 2] as Seed,
  position: 0,
  ...row,
});

/** The distribution that is left, by sorting: `[token, logit / temperature]`, best first. */
function kept(row: Row, firstToken = 0): [token: number, logit: number][] {
  const s = settingsOf(row);
  const of = (v: number) => (Number.isNaN(v) ? -Infinity : v);
  const guided = (c: number, i: number) =>
    s.uncond
      ? Math.fround(s.uncond[i]! + Math.fround(s.guidance * Math.fround(c - s.uncond[i]!)))
      : c;
  let left = s.logits
    .map((c, i): [number, number] => [firstToken + i, of(guided(c, i))])
    .filter(([token]) => token >= s.range[0] && token < s.range[1])
    .sort(([a, x], [b, y]) => y - x || a - b || 0);
  if (s.temperature === 0) return left.slice(0, 1);
  if (s.topK > 0 && s.topK < left.length) {
    const least = left[s.topK - 1]![1];
    left = left.filter(([, l]) => l >= least);
  }
  left = left.map(([token, l]) => [token, l / s.temperature]);
  const best = left[0]![1];
  if (best === -Infinity) return left;
  const mass = (l: number) => Math.exp(l - best);
  const total = left.reduce((sum, [, l]) => sum + mass(l), 0);
  let before = 0;
  left = left.filter(([, l]) => {
    const stays = before < s.topP * total;
    before += mass(l);
    return stays;
  });
  return left.filter(([, l]) => mass(l) >= s.minP);
}

/** The token drawn: the largest of what is left plus its noise. */
function drawn(row: Row, firstToken = 0): number {
  const { seed, position, temperature } = settingsOf(row);
  const left = kept(row, firstToken);
  if (temperature === 0) return left[0]![0];
  const scores = left.map(([token, l]) => l + gumbel(seed, position, token));
  return left[scores.indexOf(Math.max(...scores))]![0];
}

/** The log-probability of a token among what is left. */
function logProb(row: Row, token: number, firstToken = 0): number {
  const left = kept(row, firstToken);
  const best = left[0]![1];
  const total = left.reduce((sum, [, l]) => sum + Math.exp(l - best), 0);
  return left.find(([t]) => t === token)![1] - best - Math.log(total);
}

onEveryDevice('sample', (device) => {
  const emulated = device.name.startsWith('simt');

  async function draw(
    rows: readonly Row[],
    { firstToken = 0, dtype = 'f32' as 'f32' | 'bf16', withLogProbs = false } = {},
  ) {
    const all = rows.map(settingsOf);
    const width = rows[0]!.logits.length;
    const n = rows.length;
    const result = scope(() => {
      const up = (
        values: readonly number[],
        shape: readonly number[],
        as: 'i32' | 'f32' | 'bf16',
      ) => upload(device, given(values, shape, as));
      return sample(
        up(
          all.flatMap((row) => row.logits),
          [n, width],
          dtype,
        ),
        {
          ...(all.some((row) => row.uncond) && {
            uncond: up(
              all.flatMap((row) => row.uncond!),
              [n, width],
              dtype,
            ),
          }),
          range: up(
            all.flatMap((row) => row.range),
            [n, 2],
            'i32',
          ),
          topK: up(
            all.map((row) => row.topK),
            [n],
            'i32',
          ),
          settings: up(
            all.flatMap((row) => [row.guidance, row.temperature, row.topP, row.minP]),
            [n, 4],
            'f32',
          ),
          seeds: up(
            all.flatMap((row) => row.seed),
            [n, 2],
            'i32',
          ),
          positions: up(
            all.map((row) => row.position),
            [n],
            'i32',
          ),
          firstToken,
          withLogProbs,
        },
      );
    });
    const tokens = [...(await take(result.tokens))];
    return { tokens, logProbs: result.logProbs && [...(await take(result.logProbs))] };
  }

  const logitsOf = (width: number, seed: number, dtype: 'f32' | 'bf16' = 'f32') => [
    ...input([width], seed, { scale: 3, dtype }).values,
  ];

  /** Every token that many positions draw. */
  async function support(row: Row, draws: number): Promise<Set<number>> {
    const rows = Array.from({ length: draws }, (_, position) => ({ ...row, position }));
    return new Set((await draw(rows)).tokens);
  }

  test.each([
    [1, {}],
    [7, { topK: 3 }],
    [257, { topK: 20, temperature: 0.7 }],
    [300, { topP: 0.8 }],
    [65, { minP: 0.05, temperature: 1.5 }],
    [1031, { topK: 200, topP: 0.9, minP: 0.01, temperature: 0.9 }],
    [130, { range: [17, 93], topK: 10 }],
    [4096, { topK: 50 }], // 48 KiB of shared memory, and a little more
  ] as [number, Partial<Row>][])(
    'draws what its definition draws of %i tokens, %o',
    async (width, options) => {
      const rows = Array.from(
        { length: 8 },
        (_, r): Row => ({
          logits: logitsOf(width, r),
          seed: [17 * r - 40, r],
          position: 1000 + r,
          ...options,
        }),
      );
      const { tokens, logProbs } = await draw(rows, { withLogProbs: true });
      expect(tokens).toEqual(rows.map((row) => drawn(row)));
      logProbs!.forEach((p, r) => {
        expect(p).toBeCloseTo(logProb(rows[r]!, tokens[r]!), 4);
      });
    },
  );

  test('guides by the stream without the condition', async () => {
    const rows = Array.from(
      { length: 8 },
      (_, r): Row => ({
        logits: logitsOf(100, r),
        uncond: logitsOf(100, 50 + r),
        guidance: [0, 1, 4, -1, 2.5, 7.5, 4, 4][r]!,
        topK: 30,
        position: r,
      }),
    );
    expect((await draw(rows)).tokens).toEqual(rows.map((row) => drawn(row)));
  });

  test('draws from bf16 logits', async () => {
    const rows = Array.from(
      { length: 4 },
      (_, r): Row => ({
        logits: logitsOf(133, r, 'bf16'),
        topK: 40,
        position: r,
      }),
    );
    expect((await draw(rows, { dtype: 'bf16' })).tokens).toEqual(rows.map((row) => drawn(row)));
  });

  test('counts columns from the first token', async () => {
    const rows = Array.from(
      { length: 4 },
      (_, r): Row => ({
        logits: logitsOf(67, r),
        range: r % 2 ? [4, 71] : [10, 60],
        position: r,
      }),
    );
    expect((await draw(rows, { firstToken: 4 })).tokens).toEqual(rows.map((row) => drawn(row, 4)));
  });

  test('is forced by a range of one token', async () => {
    const logits = logitsOf(50, 3);
    const rows: Row[] = [0, 17, 49].map((t) => ({
      logits,
      range: [t, t + 1],
      topK: 1,
      position: t,
    }));
    const { tokens, logProbs } = await draw(rows, { withLogProbs: true });
    expect(tokens).toEqual([0, 17, 49]);
    expect(logProbs!.map((p) => Math.abs(p))).toEqual([0, 0, 0]);
  });

  test('takes the best at temperature 0, the lower of equals', async () => {
    const rows: Row[] = [
      { logits: [1, 5, 2, 5, 0], temperature: 0 },
      { logits: [-3, -1, NaN, -1, -2], temperature: 0, topK: 4 },
      { logits: [-Infinity, -Infinity, -7, -Infinity, NaN], temperature: 0 },
    ];
    expect((await draw(rows)).tokens).toEqual([1, 1, 2]);
  });

  test('never draws NaN or -Infinity', async () => {
    const logits = [NaN, 0, -Infinity, 0.5, NaN, -Infinity, 0.25];
    expect(await support({ logits }, 200)).toEqual(new Set([1, 3, 6]));
    expect(await support({ logits, topK: 2 }, 100)).toEqual(new Set([3, 6]));
  });

  describe('keeps what a sort keeps', () => {
    // Flat enough that every token that is kept is drawn, and no other.
    const flat = (width: number) =>
      Array.from({ length: width }, (_, i) => stored(((i * 7) % width) / width, 'f32'));
    const draws = emulated ? 120 : 2000;
    test.each([
      ['top-k', { logits: flat(23), topK: 5 }],
      ['top-k of all', { logits: flat(9), topK: 9 }],
      ['top-k beyond all', { logits: flat(9), topK: 100 }],
      ['top-k among ties', { logits: [2, 1, 2, 1, 1, 0, 1, 2, 0], topK: 4 }],
      ['top-k of equals', { logits: Array(11).fill(0.5), topK: 1 }],
      ['top-p', { logits: flat(13), topP: 0.5 }],
      ['top-p among ties', { logits: [1, 1, 1, 1, 1, 1, 1, 1], topP: 0.5 }],
      ['a small top-p', { logits: flat(13), topP: 1e-6 }],
      ['min-p', { logits: flat(13), minP: 0.6 }],
      ['all three', { logits: flat(31), topK: 20, topP: 0.8, minP: 0.55 }],
      ['negative logits', { logits: flat(17).map((v) => v - 100), topK: 6 }],
      ['zeros of both signs', { logits: [0, -0, -1, 0, -0, -1], topK: 2 }],
    ] as [string, Row][])('by %s', async (_, row) => {
      const sorted = kept(row).map(([token]) => token);
      expect([...(await support(row, draws))].sort((a, b) => a - b)).toEqual(
        sorted.sort((a, b) => a - b),
      );
    });

    test('of many, to the last token', async () => {
      // The log-probability shows how many are kept: for equal logits it is -log of their number.
      const width = emulated ? 600 : 8192;
      const logits = Array.from({ length: width }, (_, i) =>
        (i * 2654435761) % 4096 < 2048 ? 1 : 0,
      );
      const ones = logits.filter((l) => l === 1).length;
      const next = uniform(5);
      for (const topK of [1, 2, ones - 1, ones, ones + 1, width - 1, width]) {
        const row: Row = { logits, topK, position: Math.floor(1e6 * next()) };
        const { tokens, logProbs } = await draw([row], { withLogProbs: true });
        expect(logProbs![0], `top-k ${topK}`).toBeCloseTo(logProb(row, tokens[0]!), 3);
      }
    });
  });

  test('matches the exact distribution', async () => {
    // Chi-square over 31 kept tokens; the 0.999 quantile for 30 degrees of freedom is 59.7.
    const row: Row = { logits: logitsOf(64, 8).map((l) => l / 3), topK: 31, temperature: 1.3 };
    const total = emulated ? 1500 : 16000;
    const counts = new Map<number, number>();
    const at = emulated ? 500 : 4000;
    for (let start = 0; start < total; start += at) {
      const rows = Array.from({ length: at }, (_, i) => ({ ...row, position: start + i }));
      for (const token of (await draw(rows)).tokens)
        counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    let chiSquare = 0;
    for (const [token] of kept(row)) {
      const expected = total * Math.exp(logProb(row, token));
      chiSquare += ((counts.get(token) ?? 0) - expected) ** 2 / expected;
      counts.delete(token);
    }
    expect([...counts.keys()], 'tokens that should not be drawn').toEqual([]);
    expect(chiSquare).toBeLessThan(59.7);
  });

  test('draws independently by seed and by position', async () => {
    const logits = Array(64).fill(0);
    const draws = emulated ? 64 : 256;
    const same = async (a: Partial<Row>, b: Partial<Row>) => {
      const rows = Array.from({ length: draws }, (_, i) => ({
        logits,
        position: i,
        seed: [i, 9] as Seed,
      }));
      const [one, other] = await Promise.all(
        [a, b].map((change) =>
          draw(rows.map((row, i) => ({ ...row, ...change, position: i + (change.position ?? 0) }))),
        ),
      );
      return one!.tokens.filter((token, i) => token === other!.tokens[i]).length;
    };
    // Of 256 draws from 64 equal tokens 4 agree by chance, of 64 one.
    expect(await same({ seed: [1, 0] }, { seed: [2, 0] })).toBeLessThan(draws / 16);
    expect(await same({ seed: [1, 0] }, { seed: [1, 1] })).toBeLessThan(draws / 16);
    expect(await same({ position: 0 }, { position: 1 })).toBeLessThan(draws / 16);
    expect(await same({}, {})).toBe(draws);
  });

  test('draws a row the same in any batch', async () => {
    const rows = Array.from(
      { length: 64 },
      (_, r): Row => ({
        logits: logitsOf(300, r),
        topK: r % 3 ? 50 : 0,
        topP: r % 2 ? 0.9 : 1,
        temperature: 0.5 + (r % 5) / 4,
        seed: [r, 7],
        position: 3 * r,
      }),
    );
    const whole = await draw(rows, { withLogProbs: true });
    for (const [first, n] of [
      [0, 1],
      [63, 1],
      [5, 2],
      [7, 3],
      [8, 8],
      [2, 17],
      [1, 63],
    ] as const) {
      const some = await draw(rows.slice(first, first + n), { withLogProbs: true });
      expect(some.tokens).toEqual(whole.tokens.slice(first, first + n));
      expect(some.logProbs).toEqual(whole.logProbs!.slice(first, first + n));
    }
  });

  test('writes where it is told', async () => {
    const up = (values: readonly number[], shape: readonly number[], dtype: 'i32' | 'f32') =>
      upload(device, given(values, shape, dtype));
    const tokens = scope(() => {
      const tokens = up([-1, -1], [2], 'i32');
      const drawn = sample(up([0, 9, 0, 9, 0, 0], [2, 3], 'f32'), {
        range: up([0, 3, 0, 3], [2, 2], 'i32'),
        topK: up([0, 0], [2], 'i32'),
        settings: up([1, 0, 1, 0, 1, 0, 1, 0], [2, 4], 'f32'),
        seeds: up([1, 2, 3, 4], [2, 2], 'i32'),
        positions: up([0, 0], [2], 'i32'),
        tokens,
      });
      expect(drawn.tokens).toBe(tokens);
      expect(drawn.logProbs).toBeUndefined();
      return tokens;
    });
    expect([...(await take(tokens))]).toEqual([1, 0]);
  });

  test('draws from the model vocabulary', async () => {
    const rows = Array.from(
      { length: emulated ? 1 : 4 },
      (_, r): Row => ({
        logits: logitsOf(8192, r),
        uncond: logitsOf(8192, 90 + r),
        guidance: 4,
        topK: 2000,
        range: [4, 8196],
        position: r,
      }),
    );
    expect((await draw(rows, { firstToken: 4 })).tokens).toEqual(rows.map((row) => drawn(row, 4)));
  });

  test('refuses what does not fit', () => {
    const call =
      (change: Record<string, readonly number[]>, dtype: 'f32' | 'i32' = 'i32') =>
      () => {
        const shapes = {
          logits: [2, 5],
          range: [2, 2],
          topK: [2],
          settings: [2, 4],
          seeds: [2, 2],
          positions: [2],
          ...change,
        };
        return sample(device.tensor(shapes.logits), {
          range: device.tensor(shapes.range, 'i32'),
          topK: device.tensor(shapes.topK, dtype),
          settings: device.tensor(shapes.settings),
          seeds: device.tensor(shapes.seeds, 'i32'),
          positions: device.tensor(shapes.positions, 'i32'),
        });
      };
    expectRefusal(
      call({ logits: [5] }),
      'ERR_SHAPE',
      'sample: expected logits to be [rows, width], got [5]',
    );
    expectRefusal(
      call({ range: [2] }),
      'ERR_SHAPE',
      'sample: expected range to be [2, 2], got [2]',
    );
    expectRefusal(
      call({ settings: [2, 3] }),
      'ERR_SHAPE',
      'sample: expected settings to be [2, 4], got [2, 3]',
    );
    expectRefusal(
      call({ seeds: [1, 2] }),
      'ERR_SHAPE',
      'sample: expected seeds to be [2, 2], got [1, 2]',
    );
    expectRefusal(
      call({ positions: [3] }),
      'ERR_SHAPE',
      'sample: expected positions to be [2], got [3]',
    );
    expectRefusal(call({}, 'f32'), 'ERR_DTYPE', 'sample: expected topK to be i32, got f32');
  });
});

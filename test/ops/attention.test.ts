import { describe, expect, test } from 'vitest';
import { attention, gradients, scope, sum } from '../../lib/index.ts';
import { attend, head } from '../support/attend.ts';
import { given, input, ofSum } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
  take,
  upload,
} from '../support/op_case.ts';

type Float = 'f32' | 'bf16';

interface Form {
  readonly sequences?: number;
  readonly queries: number;
  readonly keys?: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly dim: number;
  readonly causal?: boolean;
  readonly offsets?: readonly number[];
  readonly lengths?: readonly number[];
  readonly scale?: number;
}

function formed(dtype: Float, form: Form): OpCase {
  const { sequences = 1, queries, keys = queries, heads = 1, kvHeads = heads, dim } = form;
  const { causal = false, scale = 1 / Math.sqrt(dim) } = form;
  const qShape = [sequences, queries, heads, dim];
  const kShape = [sequences, keys, kvHeads, dim];
  const offsets = form.offsets && given(form.offsets);
  const lengths = form.lengths && given(form.lengths);
  return {
    inputs: [
      input(qShape, 1, { dtype }),
      input(kShape, 2, { dtype }),
      input(kShape, 3, { dtype }),
      ...[offsets, lengths].filter((one) => one !== undefined),
    ],
    op: (q, k, v, ...rest) =>
      attention(q!, k!, v!, {
        causal,
        ...(form.scale !== undefined && { scale }),
        offsets: offsets && rest[0],
        lengths: lengths && rest.at(-1),
      }),
    definition: (q, k, v) => {
      const y = new Float64Array(q!.length);
      for (let s = 0; s < sequences; s++)
        for (let i = 0; i < queries; i++)
          for (let h = 0; h < heads; h++) {
            const past = (form.offsets?.[s] ?? keys - queries) + i;
            const end = Math.min(form.lengths?.[s] ?? keys, causal ? past + 1 : keys);
            const seen = Array.from({ length: Math.max(end, 0) }, (_, j) => j);
            const of = (x: Float64Array) =>
              seen.map((j) => head(x, kShape, s, j, Math.floor(h / (heads / kvHeads))));
            head(y, qShape, s, i, h).set(attend(head(q!, qShape, s, i, h), of(k!), of(v!), scale));
          }
      return y;
    },
    // Scores are sums over dim. An average over keys is shorter than its terms by about the root of
    // their number, its error is not. In bf16 probabilities are rounded for their product with v.
    roundings: dtype === 'bf16' ? 3 : ofSum(dim) + 4 * Math.sqrt(keys),
    gradientRoundings: dtype === 'bf16' ? 8 : 4 * (ofSum(dim) + 4 * Math.sqrt(keys)),
  };
}

const shapes: readonly Form[] = [
  { queries: 1, dim: 1 },
  { queries: 3, keys: 7, dim: 16, heads: 2 },
  { queries: 17, dim: 64, causal: true, heads: 2 },
  { queries: 65, dim: 80 },
  { queries: 33, keys: 67, dim: 128, causal: true },
  { sequences: 2, queries: 5, keys: 9, heads: 6, kvHeads: 2, dim: 24, causal: true },
  { queries: 70, keys: 150, dim: 64, causal: true }, // several tiles either way
  { queries: 2, keys: 131, dim: 256 },
  { queries: 3, keys: 5, dim: 512 },
  { queries: 7, keys: 3, dim: 8, causal: true }, // the first rows see nothing
  { sequences: 3, queries: 4, keys: 11, heads: 2, dim: 16, lengths: [11, 5, 0] },
  { sequences: 2, queries: 3, keys: 9, dim: 16, causal: true, offsets: [0, 4], lengths: [9, 6] },
  { queries: 5, dim: 7, scale: 0.25 },
];

onEveryDevice('attention', (device, kind) => {
  describe.each(['f32', 'bf16'] as const)('in %s', (dtype) => {
    test.each(shapes)('is its definition on %o', (form) =>
      expectDefinition(device, formed(dtype, form)),
    );

    test.each([
      { queries: 1, dim: 1 },
      { queries: 3, keys: 7, dim: 16, heads: 2 },
      { queries: 17, dim: 64, causal: true },
      { queries: 5, keys: 35, dim: 80, causal: true },
      { sequences: 2, queries: 5, keys: 9, heads: 6, kvHeads: 2, dim: 24, causal: true },
      {
        sequences: 2,
        queries: 3,
        keys: 9,
        dim: 16,
        causal: true,
        offsets: [-1, 4],
        lengths: [9, 6],
      },
      { queries: 35, keys: 67, dim: 128 },
    ] as Form[])('has the gradient of its definition on %o', (form) =>
      expectGradient(device, formed(dtype, form)),
    );
  });

  test('survives scores far apart', async () => {
    const of = formed('f32', { queries: 3, keys: 40, dim: 8, scale: 200 });
    await expectDefinition(device, { ...of, roundings: 200 * 40 }); // scores of a few thousand
  });

  test('ignores what lies past the lengths, NaN too', async () => {
    const of = formed('f32', { queries: 2, keys: 5, dim: 4, lengths: [3] });
    const [q, k, v, lengths] = of.inputs;
    const spoilt = [k!, v!].map((one) => ({
      ...one,
      values: one.values.map((x, i) => (i >= 3 * 4 ? NaN : x)),
    }));
    const run = (inputs: typeof of.inputs) =>
      take(scope(() => of.op(...inputs.map((one) => upload(device, one)))));
    expect(await run([q!, ...spoilt, lengths!])).toEqual(await run(of.inputs));
  });

  // On a GPU a tile multiplies a hidden value by its weight, 0, and 0 times infinity is NaN.
  if (kind.startsWith('cpu'))
    test.each([
      ['f32', NaN],
      ['f32', Infinity],
      ['bf16', NaN],
      ['bf16', -Infinity],
    ] as const)('shows a key in %s of %d to the rows that see it alone', async (dtype, spoilt) => {
      const of = formed(dtype, { queries: 40, dim: 20, causal: true });
      const [q, k, v] = of.inputs;
      const from = (row: number) => (x: number, i: number) => (i >= row * 20 ? spoilt : x);
      const run = (inputs: typeof of.inputs) =>
        take(scope(() => of.op(...inputs.map((one) => upload(device, one)))));
      const clean = await run(of.inputs);
      for (const row of [36, 37]) {
        const spoil = (one: typeof q) => ({ ...one!, values: one!.values.map(from(row)) });
        const all = await run([q!, spoil(k), spoil(v)]);
        expect(all.slice(0, row * 20)).toEqual(clean.slice(0, row * 20));
        expect(all.slice(row * 20).every(Number.isFinite)).toBe(false);
        const values = await run([q!, k!, spoil(v)]);
        expect(values.slice(0, row * 20)).toEqual(clean.slice(0, row * 20));
        expect(values.slice(row * 20).some(Number.isFinite)).toBe(false);
      }
    });

  test('keeps its log-sums for a gradient only', () => {
    scope(() => {
      const [q, k, v] = [1, 2, 3].map((seed) => upload(device, input([1, 5, 2, 8], seed)));
      const before = device.memory().storages;
      const y = attention(q!, k!, v!);
      expect(device.memory().storages - before).toBe(1);
      expect(y.shape).toEqual([1, 5, 2, 8]);
      gradients(() => {
        const inside = device.memory().storages;
        const y = attention(q!, k!, v!);
        expect(device.memory().storages - inside).toBe(2);
        return sum(y);
      }, [k!]);
    });
  });

  test('refuses what does not fit', () => {
    const of = (...shape: number[]) => device.tensor(shape);
    expectRefusal(
      () => attention(of(1, 2, 8), of(1, 2, 1, 8), of(1, 2, 1, 8)),
      'ERR_SHAPE',
      'attention: expected q to be [sequences, queries, heads, headDim], got [1, 2, 8]',
    );
    expectRefusal(
      () => attention(of(1, 2, 3, 8), of(1, 2, 2, 8), of(1, 2, 2, 8)),
      'ERR_SHAPE',
      'attention: expected k to be [1, keys, kvHeads, 8] with kvHeads dividing the 3 heads, got [1, 2, 2, 8]',
    );
    expectRefusal(
      () => attention(of(1, 2, 1, 8), of(1, 3, 1, 8), of(1, 2, 1, 8)),
      'ERR_SHAPE',
      'attention: expected v to be [1, 3, 1, 8], got [1, 2, 1, 8]',
    );
    expectRefusal(
      () => attention(of(1, 1, 1, 513), of(1, 1, 1, 513), of(1, 1, 1, 513)),
      'ERR_SHAPE',
      'attention: expected q to be of headDim 512 at most, got [1, 1, 1, 513]',
    );
    expectRefusal(
      () =>
        attention(of(2, 1, 1, 8), of(2, 1, 1, 8), of(2, 1, 1, 8), {
          lengths: device.tensor([1], 'i32'),
        }),
      'ERR_SHAPE',
      'attention: expected kLengths to be [2], got [1]',
    );
    expectRefusal(
      () => attention(of(1, 1, 1, 8), of(1, 1, 1, 8), of(1, 1, 1, 8), { offsets: of(1) }),
      'ERR_DTYPE',
      'attention: expected qOffsets to be i32, got f32',
    );
  });
});

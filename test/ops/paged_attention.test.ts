import { describe, expect, test } from 'vitest';
import { gradients, pagedAttention, scope, sum } from '../../lib/index.ts';
import { attend, head } from '../support/attend.ts';
import { given, type Input, input, ofSum } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectRefusal,
  expectSameBits,
  type OpCase,
  take,
  upload,
} from '../support/op_case.ts';

type Float = 'f32' | 'bf16';

interface Form {
  readonly queries: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly dim: number;
  readonly pageTokens: number;
  readonly lengths: readonly number[];
  /** `[sequences, maxPages]`; pages one after another unless told. */
  readonly table?: readonly (readonly number[])[];
}

/** A table in which the pages of all sequences are dealt out in turn, backwards. */
function dealt({ lengths, pageTokens }: Form): number[][] {
  const maxPages = Math.max(1, ...lengths.map((n) => Math.ceil(n / pageTokens)));
  const pages = lengths.length * maxPages;
  return lengths.map((_, s) =>
    Array.from({ length: maxPages }, (_, p) => pages - 1 - (p * lengths.length + s)),
  );
}

function formed(dtype: Float, cacheDtype: Float, form: Form): OpCase {
  const { queries, heads, kvHeads, dim, pageTokens, lengths } = form;
  const table = form.table ?? dealt(form);
  const sequences = lengths.length;
  const qShape = [sequences, queries, heads, dim];
  const pages = Math.max(...table.flat()) + 1;
  const pageShape = [pages, kvHeads, pageTokens, dim];
  return {
    inputs: [
      input(qShape, 1, { dtype }),
      input(pageShape, 2, { dtype: cacheDtype }),
      input(pageShape, 3, { dtype: cacheDtype }),
      given(table.flat(), [sequences, table[0]!.length]),
      given(lengths),
    ],
    op: (q, kPages, vPages, table, lengths) =>
      pagedAttention(q!, { kPages: kPages!, vPages: vPages!, table: table! }, lengths!),
    definition: (q, kPages, vPages) => {
      const y = new Float64Array(q!.length);
      for (let s = 0; s < sequences; s++)
        for (let i = 0; i < queries; i++)
          for (let h = 0; h < heads; h++) {
            const seen = Math.max(0, lengths[s]! - queries + i + 1);
            const kvHead = Math.floor(h / (heads / kvHeads));
            const of = (x: Float64Array) =>
              Array.from({ length: seen }, (_, j) => {
                const page = table[s]![Math.floor(j / pageTokens)]!;
                const at = ((page * kvHeads + kvHead) * pageTokens + (j % pageTokens)) * dim;
                return x.subarray(at, at + dim);
              });
            const row = attend(head(q!, qShape, s, i, h), of(kPages!), of(vPages!), dim ** -0.5);
            head(y, qShape, s, i, h).set(row);
          }
      return y;
    },
    // See attention.test.ts.
    roundings: dtype === 'bf16' ? 3 : ofSum(dim) + 4 * Math.sqrt(Math.max(...lengths)),
  };
}

onEveryDevice('pagedAttention', (device) => {
  describe.each([
    ['f32', 'f32'],
    ['bf16', 'bf16'],
    ['f32', 'bf16'],
  ] as const)('%s over a cache in %s', (dtype, cacheDtype) => {
    test.each([
      { queries: 1, heads: 1, kvHeads: 1, dim: 1, pageTokens: 1, lengths: [1] },
      { queries: 1, heads: 2, kvHeads: 2, dim: 64, pageTokens: 16, lengths: [33, 1, 16] },
      { queries: 3, heads: 6, kvHeads: 2, dim: 80, pageTokens: 7, lengths: [19, 3] },
      { queries: 2, heads: 2, kvHeads: 1, dim: 128, pageTokens: 32, lengths: [259, 64] },
      { queries: 17, heads: 1, kvHeads: 1, dim: 24, pageTokens: 5, lengths: [40] },
      { queries: 64, heads: 1, kvHeads: 1, dim: 16, pageTokens: 16, lengths: [70] },
      { queries: 1, heads: 1, kvHeads: 1, dim: 256, pageTokens: 4, lengths: [9] },
      { queries: 4, heads: 1, kvHeads: 1, dim: 8, pageTokens: 4, lengths: [2, 0] }, // rows that see nothing
    ] as Form[])('is its definition on %o', (form) =>
      expectDefinition(device, formed(dtype, cacheDtype, form)),
    );

    test('reads pages that sequences share', () =>
      expectDefinition(
        device,
        formed(dtype, cacheDtype, {
          queries: 1,
          heads: 2,
          kvHeads: 2,
          dim: 16,
          pageTokens: 4,
          lengths: [11, 9],
          table: [
            [2, 0, 1],
            [2, 0, 3],
          ],
        }),
      ));
  });

  test('does not read past the length', async () => {
    const form = { queries: 1, heads: 1, kvHeads: 1, dim: 4, pageTokens: 4, lengths: [6] };
    const of = formed('f32', 'f32', { ...form, table: [[0, 1]] });
    const spoilt = of.inputs.map((one, i) =>
      i === 1 || i === 2
        ? { ...one, values: one.values.map((x, at) => (at >= 6 * 4 ? NaN : x)) }
        : one,
    );
    const past: Input = given([0, 1, 99], [1, 3]);
    const run = (inputs: readonly Input[]) =>
      take(scope(() => of.op(...inputs.map((one) => upload(device, one)))));
    const expected = await run(of.inputs);
    expect(await run([...spoilt.slice(0, 3), past, spoilt[4]!])).toEqual(expected);
  });

  // Speculation and batching rest on this: see core/ops/paged_attention.h.
  describe.each(['f32', 'bf16'] as const)('a row in %s has the same bits', (dtype) => {
    const form = { heads: 4, kvHeads: 2, dim: 40, pageTokens: 8 };
    const keys = 150;
    const lengths = Array.from({ length: 64 }, (_, s) => keys - (s % 7));
    const one = formed(dtype, dtype, { ...form, queries: 1, lengths: [keys] });
    const [, kPages, vPages] = one.inputs;
    const maxPages = Math.ceil(keys / form.pageTokens);
    const table = Array.from({ length: maxPages }, (_, p) => maxPages - 1 - p);
    const q = input([64, 1, form.heads, form.dim], 9, { dtype });
    const width = form.heads * form.dim;

    const run = (shape: readonly number[], values: Float64Array, lengths: readonly number[]) =>
      take(
        scope(() =>
          one.op(
            upload(device, { ...q, values, shape: [...shape, form.heads, form.dim] }),
            upload(device, kPages!),
            upload(device, vPages!),
            upload(
              device,
              given(
                lengths.flatMap(() => table),
                [lengths.length, maxPages],
              ),
            ),
            upload(device, given(lengths)),
          ),
        ),
      );

    test('in any batch', async () => {
      const whole = await run([64, 1], q.values, lengths);
      for (const [first, rows] of [
        [0, 1],
        [63, 1],
        [5, 2],
        [7, 3],
        [8, 8],
        [2, 17],
        [1, 63],
      ] as const) {
        const end = first + rows;
        const values = q.values.subarray(first * width, end * width);
        const some = await run([rows, 1], values, lengths.slice(first, end));
        const same = whole.slice(first * width, end * width);
        expectSameBits([some], [same], `sequences ${first} to ${end}`);
      }
    });

    test('among any number of queries', async () => {
      const whole = await run([1, 64], q.values, [keys]);
      for (const [first, rows] of [
        [63, 1],
        [0, 1],
        [5, 2],
        [7, 3],
        [16, 16],
        [2, 17],
        [1, 63],
      ] as const) {
        const end = first + rows;
        const values = q.values.subarray(first * width, end * width);
        const some = await run([1, rows], values, [keys - 64 + end]);
        const same = whole.slice(first * width, end * width);
        expectSameBits([some], [same], `queries ${first} to ${end}`);
      }
    });
  });

  test('has no gradient, and says so', () => {
    const form = { queries: 1, heads: 1, kvHeads: 1, dim: 4, pageTokens: 4, lengths: [6] };
    const of = formed('f32', 'f32', form);
    expectRefusal(
      () => {
        const [q, ...rest] = of.inputs.map((one) => upload(device, one));
        gradients(() => sum(of.op(q!, ...rest)), [q!]);
      },
      'ERR_VALUE',
      'paged_attention: expected q to be outside any gradient, got one that a gradient is taken of. ' +
        'Use attention instead.',
    );
  });

  test('refuses what does not fit', () => {
    const call = (change: Partial<Record<'q' | 'pages' | 'table' | 'lengths', number[]>>) => () => {
      const shapes = {
        q: [2, 1, 2, 8],
        pages: [3, 2, 4, 8],
        table: [2, 2],
        lengths: [2],
        ...change,
      };
      const pages = () => device.tensor(shapes.pages);
      return pagedAttention(
        device.tensor(shapes.q),
        { kPages: pages(), vPages: pages(), table: device.tensor(shapes.table, 'i32') },
        device.tensor(shapes.lengths, 'i32'),
      );
    };
    expectRefusal(
      call({ q: [2, 65, 2, 8] }),
      'ERR_SHAPE',
      'paged_attention: expected q to be of 64 queries a sequence at most, got [2, 65, 2, 8]',
    );
    expectRefusal(
      call({ pages: [3, 2, 4, 7] }),
      'ERR_SHAPE',
      'paged_attention: expected kPages to be [pages, kvHeads, pageTokens, 8] with kvHeads dividing the 2 heads, got [3, 2, 4, 7]',
    );
    expectRefusal(
      call({ table: [3, 2] }),
      'ERR_SHAPE',
      'paged_attention: expected table to be [2, 2], got [3, 2]',
    );
    expectRefusal(
      call({ lengths: [3] }),
      'ERR_SHAPE',
      'paged_attention: expected lengths to be [2], got [3]',
    );
  });
});

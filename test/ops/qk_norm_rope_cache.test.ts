import { describe, test } from 'vitest';
import {
  gradients,
  layerNorm,
  pagedAttention,
  qkNormRopeCache,
  rope,
  scope,
  sum,
} from '../../lib/index.ts';
import { given, type Input, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectRefusal, take, upload } from '../support/op_case.ts';

type Float = 'f32' | 'bf16';

interface Form {
  readonly shape: readonly [sequences: number, tokens: number];
  readonly heads: number;
  readonly kvHeads: number;
  readonly dim: number;
  readonly pageTokens: number;
  readonly table: readonly (readonly number[])[];
  readonly positions: readonly number[];
  readonly cachePositions: readonly number[];
  /** `[groups of q, groups of k]`; 0 is a weight of `[headDim]`; no norm unless told. */
  readonly groups?: readonly [number, number];
}

/** Each vector of `x` normalised with its head's weights, then rotated. In float64. */
function prepared(
  x: Float64Array,
  heads: number,
  dim: number,
  positions: readonly number[],
  weight?: Float64Array,
  bias?: Float64Array,
): Float64Array {
  const normed = x.slice();
  if (weight && bias)
    for (let r = 0; r < x.length / dim; r++) {
      const row = x.subarray(r * dim, r * dim + dim);
      const mean = row.reduce((a, b) => a + b, 0) / dim;
      const variance = row.reduce((sum, u) => sum + (u - mean) ** 2, 0) / dim;
      const group = Math.floor((r % heads) / (heads / (weight.length / dim)));
      for (let c = 0; c < dim; c++)
        normed[r * dim + c] =
          ((row[c]! - mean) / Math.sqrt(variance + 1e-5)) * weight[group * dim + c]! +
          bias[group * dim + c]!;
    }
  const half = dim / 2;
  return normed.map((v, i) => {
    const c = i % dim;
    const angle = positions[Math.floor(i / (heads * dim))]! * 10000 ** ((-2 * (c % half)) / dim);
    return c < half
      ? v * Math.cos(angle) - normed[i + half]! * Math.sin(angle)
      : v * Math.cos(angle) + normed[i - half]! * Math.sin(angle);
  });
}

const forms: readonly Form[] = [
  {
    shape: [1, 1],
    heads: 1,
    kvHeads: 1,
    dim: 2,
    pageTokens: 1,
    table: [[0]],
    positions: [0],
    cachePositions: [0],
  },
  {
    shape: [2, 3],
    heads: 4,
    kvHeads: 2,
    dim: 10,
    pageTokens: 4,
    table: [
      [3, 1],
      [0, 2],
    ],
    positions: [3, 4, 5, 0, 1, 2],
    cachePositions: [3, 4, 5, 0, -1, 2], // one token of the second sequence is not kept
    groups: [2, 1],
  },
  {
    shape: [1, 2],
    heads: 2,
    kvHeads: 2,
    dim: 128,
    pageTokens: 16,
    table: [[1]],
    positions: [0, 1],
    cachePositions: [14, 15],
    groups: [0, 0],
  },
  {
    shape: [2, 1],
    heads: 2,
    kvHeads: 1,
    dim: 80,
    pageTokens: 3,
    table: [
      [0, 1],
      [2, 3],
    ],
    positions: [40, 4],
    cachePositions: [5, 4],
    groups: [2, 1],
  },
  {
    shape: [1, 5],
    heads: 2,
    kvHeads: 2,
    dim: 64,
    pageTokens: 2,
    table: [[4, 0, 2]],
    positions: [0, 1, 2, 3, 4],
    cachePositions: [0, 1, 2, 3, 4],
  },
];

function inputsOf(form: Form, dtype: Float, cacheDtype: Float) {
  const { shape, heads, kvHeads, dim, pageTokens, table, groups } = form;
  const pages = Math.max(...table.flat()) + 1;
  const weightShape = (groups: number) => (groups ? [groups, dim] : [dim]);
  const affine = (groups: number, seed: number) => [
    input(weightShape(groups), seed, { dtype, mean: 1, scale: 0.5 }),
    input(weightShape(groups), seed + 1, { dtype }),
  ];
  const [qWeight, qBias] = groups ? affine(groups[0], 11) : [];
  const [kWeight, kBias] = groups ? affine(groups[1], 21) : [];
  return {
    q: input([...shape, heads, dim], 1, { dtype }),
    k: input([...shape, kvHeads, dim], 2, { dtype }),
    v: input([...shape, kvHeads, dim], 3, { dtype }),
    kPages: input([pages, kvHeads, pageTokens, dim], 4, { dtype: cacheDtype }),
    vPages: input([pages, kvHeads, pageTokens, dim], 5, { dtype: cacheDtype }),
    table: given(table.flat(), [table.length, table[0]!.length]),
    positions: given(form.positions, shape),
    cachePositions: given(form.cachePositions, shape),
    norm: groups && { qWeight: qWeight!, qBias: qBias!, kWeight: kWeight!, kBias: kBias! },
  };
}

onEveryDevice('qkNormRopeCache', (device) => {
  describe.each([
    ['f32', 'f32'],
    ['bf16', 'bf16'],
    ['f32', 'bf16'],
  ] as const)('%s into a cache in %s', (dtype, cacheDtype) => {
    test.each(forms)('is its definition on %o', async (form) => {
      const inputs = inputsOf(form, dtype, cacheDtype);
      const up = (one: Input) => upload(device, one);
      const [y, kPages, vPages] = scope(() => {
        const cache = {
          kPages: up(inputs.kPages),
          vPages: up(inputs.vPages),
          table: up(inputs.table),
        };
        const { qWeight, qBias, kWeight, kBias } = inputs.norm ?? {};
        const norm = qWeight && {
          qWeight: up(qWeight),
          qBias: up(qBias!),
          kWeight: up(kWeight!),
          kBias: up(kBias!),
        };
        const y = qkNormRopeCache(up(inputs.q), up(inputs.k), up(inputs.v), cache, {
          positions: up(inputs.positions),
          cachePositions: up(inputs.cachePositions),
          norm,
        });
        return [y, cache.kPages, cache.vPages] as const;
      });

      const { heads, kvHeads, dim, pageTokens, positions } = form;
      const { q, k, v, norm } = inputs;
      const expectedY = prepared(
        q.values,
        heads,
        dim,
        positions,
        norm?.qWeight.values,
        norm?.qBias.values,
      );
      const rotated = prepared(
        k.values,
        kvHeads,
        dim,
        positions,
        norm?.kWeight.values,
        norm?.kBias.values,
      );
      const expectedK = inputs.kPages.values.slice();
      const expectedV = inputs.vPages.values.slice();
      const [sequences, tokens] = form.shape;
      for (let s = 0; s < sequences; s++)
        for (let t = 0; t < tokens; t++) {
          const c = form.cachePositions[s * tokens + t]!;
          if (c < 0) continue;
          const page = form.table[s]![Math.floor(c / pageTokens)]!;
          for (let h = 0; h < kvHeads; h++)
            for (let i = 0; i < dim; i++) {
              const from = ((s * tokens + t) * kvHeads + h) * dim + i;
              const to = ((page * kvHeads + h) * pageTokens + (c % pageTokens)) * dim + i;
              expectedK[to] = rotated[from]!;
              expectedV[to] = v.values[from]!;
            }
        }
      // In bf16 the normalised value, sine and cosine and the result are rounded.
      // Angles in f32 are off by a rounding of their size.
      const tolerance = { f32: 24 + Math.max(...positions), bf16: 5 };
      const coarser = dtype === 'bf16' ? 'bf16' : cacheDtype;
      expectClose(await take(y), expectedY, tolerance[dtype], dtype);
      expectClose(await take(kPages), expectedK, tolerance[coarser], coarser);
      expectClose(await take(vPages), expectedV, 1, coarser);
    });
  });

  test('agrees with the ops it is made of', async () => {
    const form = forms[1]!;
    const inputs = inputsOf(form, 'f32', 'f32');
    const up = (one: Input) => upload(device, one);
    const [fused, parts] = scope(() => {
      const norm = {
        qWeight: up(inputs.norm!.qWeight),
        qBias: up(inputs.norm!.qBias),
        kWeight: up(inputs.norm!.kWeight),
        kBias: up(inputs.norm!.kBias),
      };
      const cache = {
        kPages: up(inputs.kPages),
        vPages: up(inputs.vPages),
        table: up(inputs.table),
      };
      const positions = up(inputs.positions);
      const fused = qkNormRopeCache(up(inputs.q), up(inputs.k), up(inputs.v), cache, {
        positions,
        cachePositions: up(inputs.cachePositions),
        norm,
      });
      // Reading the cache is a use of it: its writes must be there.
      pagedAttention(fused, cache, up(given([6, 3])));
      return [fused, rope(layerNorm(up(inputs.q), norm.qWeight, norm.qBias), positions)] as const;
    });
    expectClose(await take(fused), await take(parts), 8);
  });

  test('has no gradient, and says so', () => {
    const inputs = inputsOf(forms[4]!, 'f32', 'f32');
    const up = (one: Input) => upload(device, one);
    expectRefusal(
      () => {
        const k = up(inputs.k);
        const cache = {
          kPages: up(inputs.kPages),
          vPages: up(inputs.vPages),
          table: up(inputs.table),
        };
        const options = { positions: up(inputs.positions) };
        gradients(() => sum(qkNormRopeCache(up(inputs.q), k, up(inputs.v), cache, options)), [k]);
      },
      'ERR_VALUE',
      'qk_norm_rope_cache: expected k to be outside any gradient, got one that a gradient is taken of. ' +
        'Use layerNorm and rope instead.',
    );
  });

  test('refuses what does not fit', () => {
    const call = (q: number[], pages: number[], positions: number[]) => () => {
      const cache = {
        kPages: device.tensor(pages),
        vPages: device.tensor(pages),
        table: device.tensor([1, 1], 'i32'),
      };
      const k = () => device.tensor([1, 2, 1, q[3] ?? 8]);
      return qkNormRopeCache(device.tensor(q), k(), k(), cache, {
        positions: device.tensor(positions, 'i32'),
      });
    };
    expectRefusal(
      call([1, 2, 1, 7], [1, 1, 4, 7], [1, 2]),
      'ERR_SHAPE',
      'qk_norm_rope_cache: expected q to be of even headDim, 256 at most, got [1, 2, 1, 7]',
    );
    expectRefusal(
      call([1, 2, 1, 8], [1, 2, 4, 8], [1, 2]),
      'ERR_SHAPE',
      'qk_norm_rope_cache: expected kPages to be [1, 1, 4, 8], got [1, 2, 4, 8]',
    );
    expectRefusal(
      call([1, 2, 1, 8], [1, 1, 4, 8], [2]),
      'ERR_SHAPE',
      'qk_norm_rope_cache: expected positions to be [1, 2], got [2]',
    );
  });
});

import { describe, expect, test } from 'vitest';
import {
  dequantiseRows,
  gradients,
  linear,
  type Pointwise,
  quantiseRows,
  scope,
  sum,
  type Tensor,
} from '../../lib/index.ts';
import { functions } from '../support/functions.ts';
import { type Input, input, ofSum } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  expectSameBits,
  type OpCase,
  take,
  upload,
} from '../support/op_case.ts';

type Float = 'f32' | 'bf16';

interface Form {
  readonly rows: readonly number[];
  readonly ins: number;
  readonly outs: number;
  readonly x?: Float;
  readonly weight?: Float;
  readonly y?: Float;
  readonly bias?: Float;
  readonly rank?: number;
  readonly loraDtype?: Float;
  readonly residual?: boolean;
  readonly f?: Pointwise;
}

/** Inputs by name; those that a form lacks are left out. */
function inputsOf(form: Form) {
  const { rows, ins, outs, x = 'f32', weight = x, y = x, bias, rank, loraDtype = 'f32' } = form;
  return {
    x: input([...rows, ins], 1, { dtype: x }),
    weight: input([outs, ins], 2, { dtype: weight, scale: 1 / Math.sqrt(ins) }),
    ...(bias && { bias: input([outs], 3, { dtype: bias }) }),
    ...(rank && {
      a: input([ins, rank], 4, { dtype: loraDtype, scale: 1 / Math.sqrt(ins) }),
      b: input([rank, outs], 5, { dtype: loraDtype }),
    }),
    ...(form.residual && { residual: input([...rows, outs], 6, { dtype: y }) }),
  };
}

/** `f(x Wᵀ + x A B + bias) + residual`, with or without a fused function. */
function formed(form: Form): OpCase {
  const { ins, outs, f = 'none', rank = 0, x: dtype = 'f32', y: yDtype = dtype } = form;
  const inputs: Record<string, Input> = inputsOf(form);
  const names = Object.keys(inputs);
  const named = <T>(values: readonly T[]) =>
    Object.fromEntries(names.map((name, i) => [name, values[i]!])) as Record<string, T>;
  const narrow = [dtype, form.weight, form.bias, form.loraDtype, yDtype].includes('bf16');
  return {
    inputs: Object.values(inputs),
    op: (...tensors) => {
      const { x, weight, bias, a, b, residual } = named<Tensor>(tensors);
      const lora = a && b && { a, b };
      return linear(x!, weight!, { bias, lora, residual, function: f, dtype: yDtype });
    },
    definition: (...values) => {
      const { x, weight, bias, a, b, residual } = named(values);
      return Float64Array.from({ length: (x!.length / ins) * outs }, (_, at) => {
        const [r, o] = [Math.floor(at / outs), at % outs];
        let y = bias?.[o] ?? 0;
        for (let i = 0; i < ins; i++) {
          let w = weight![o * ins + i]!;
          for (let k = 0; k < rank; k++) w += a![i * rank + k]! * b![k * outs + o]!;
          y += x![r * ins + i]! * w;
        }
        return functions[f](y) + (residual?.[at] ?? 0);
      });
    },
    roundings: yDtype === 'bf16' ? 1.2 : ofSum(ins),
    gradientRoundings: narrow ? 8 : 2 * ofSum(ins + outs),
  };
}

onEveryDevice('linear', (device) => {
  describe.each([
    { x: 'f32', weight: 'f32' },
    { x: 'bf16', weight: 'bf16' },
    { x: 'f32', weight: 'bf16' },
    { x: 'bf16', weight: 'f32' },
    { x: 'bf16', weight: 'bf16', y: 'f32' },
  ] as const)('with $x input, $weight weight, $y result', (dtypes) => {
    test.each([
      [[1], 1, 1],
      [[3], 7, 5],
      [[2], 257, 33],
      [[1, 17], 80, 65],
      [[2, 33], 64, 31],
      [[5, 13], 40, 130],
    ])('is its definition on %j rows of %i to %i', (rows, ins, outs) =>
      expectDefinition(device, formed({ ...dtypes, rows, ins, outs })),
    );

    test('has the gradient of its definition', () =>
      expectGradient(device, formed({ ...dtypes, rows: [2, 3], ins: 7, outs: 9, bias: dtypes.x })));
  });

  describe.each(['f32', 'bf16'] as const)('in %s', (x) => {
    test.each([
      { bias: x },
      { bias: 'f32', f: 'gelu' },
      { bias: x, f: 'quick_gelu', residual: true },
      { f: 'silu' },
      { rank: 4, residual: true },
      { rank: 1, loraDtype: x, bias: 'f32', f: 'gelu', residual: true },
      { rank: 64, loraDtype: 'bf16' },
    ] as const)('has its options: %o', async (options) => {
      for (const rows of [[3], [70]]) {
        await expectDefinition(device, formed({ x, ...options, rows, ins: 35, outs: 41 }));
      }
      await expectGradient(device, formed({ x, ...options, rows: [4], ins: 11, outs: 6 }));
    });
  });

  test('sums a long row', async () => {
    for (const x of ['f32', 'bf16'] as const)
      await expectDefinition(device, formed({ x, rows: [2], ins: 4099, outs: 3 }));
  });

  describe.each(['f32', 'bf16'] as const)('with 8-bit weights and %s input', (dtype) => {
    test.each([
      [[1], 1, 1],
      [[3], 7, 5],
      [[2], 257, 33],
      [[65], 40, 34],
    ])('is its definition on %j rows of %i to %i', async (rows, ins, outs) => {
      const { x, weight } = inputsOf({ rows, ins, outs });
      // The definition is on what the 8 bits stand for; they are read back first.
      const dense = await take(scope(() => dequantiseRows(quantiseRows(upload(device, weight)))));
      const of = formed({ rows, ins, outs, x: dtype });
      await expectDefinition(device, {
        ...of,
        inputs: [of.inputs[0]!, weight],
        op: (x, w) => linear(x!, quantiseRows(w!)),
        definition: (x) => of.definition(x!, dense),
      });
      expect(x.shape).toEqual([...rows, ins]);
    });

    test('has the gradient of its definition', async () => {
      const form = { rows: [3], ins: 35, outs: 9, x: dtype, bias: dtype, rank: 4 } as const;
      const of = formed(form);
      const [x, weight, ...rest] = of.inputs;
      const dense = await take(scope(() => dequantiseRows(quantiseRows(upload(device, weight!)))));
      await expectGradient(device, {
        ...of,
        inputs: [x!, { ...weight!, constant: true }, ...rest],
        op: (x, w, bias, a, b) => linear(x!, quantiseRows(w!), { bias, lora: { a: a!, b: b! } }),
        definition: (x, _, ...rest) => of.definition(x!, dense, ...rest),
      });
    });
  });

  // Speculation and batching rest on this: see core/ops/linear.h.
  describe.each(['f32', 'bf16', 'i8'] as const)('with %s weights', (stored) => {
    test.each(['f32', 'bf16'] as const)(
      'gives a row of %s the same bits among 1 to 64',
      async (x) => {
        const form = { rows: [64], ins: 4300, outs: 37, x, bias: 'f32', rank: 4 } as const;
        const inputs = inputsOf(form);
        const run = (first: number, rows: number) =>
          take(
            scope(() => {
              const [bias, a, b] = [inputs.bias!, inputs.a!, inputs.b!].map((one) =>
                upload(device, one),
              );
              const dense = upload(device, {
                ...inputs.weight,
                dtype: stored === 'i8' ? 'f32' : stored,
              });
              const weight = stored === 'i8' ? quantiseRows(dense) : dense;
              const values = inputs.x.values.subarray(first * form.ins, (first + rows) * form.ins);
              const some = upload(device, { ...inputs.x, values, shape: [rows, form.ins] });
              return linear(some, weight, {
                bias: bias!,
                lora: { a: a!, b: b! },
                function: 'gelu',
              });
            }),
          );
        const whole = await run(0, 64);
        for (const [first, rows] of [
          [0, 1],
          [63, 1],
          [5, 2],
          [7, 3],
          [0, 4],
          [11, 5],
          [1, 7],
          [8, 8],
          [3, 13],
          [16, 16],
          [2, 17],
          [31, 32],
          [0, 33],
          [1, 63],
        ] as const) {
          const some = await run(first, rows);
          const same = whole.slice(first * 37, (first + rows) * 37);
          expectSameBits([some], [same], `rows ${first} to ${first + rows}`);
        }
      },
    );
  });

  test('computes no gradient for what is not asked for', () => {
    scope(() => {
      const form = { rows: [3], ins: 5, outs: 4, rank: 2 } as const;
      const [x, weight, a, b] = Object.values(inputsOf(form)).map((one) => upload(device, one));
      const before = device.memory().liveBytes;
      const [da] = gradients(() => sum(linear(x!, weight!, { lora: { a: a!, b: b! } })), [a!]);
      expect(da!.shape).toEqual([5, 2]);
      expect(device.memory().liveBytes - before).toBeLessThan(1024);
    });
  });

  test('refuses what does not fit', () => {
    const of = (...shape: number[]) => device.tensor(shape);
    expectRefusal(
      () => linear(of(2, 3), of(5, 4)),
      'ERR_SHAPE',
      'linear: expected weight to be [5, 3], got [5, 4]',
    );
    expectRefusal(
      () => linear(of(2, 3), of(3)),
      'ERR_SHAPE',
      'linear: expected weight to be [out, in], got [3]',
    );
    expectRefusal(
      () => linear(of(2, 3), of(5, 3), { bias: of(4) }),
      'ERR_SHAPE',
      'linear: expected bias to be [5], got [4]',
    );
    expectRefusal(
      () => linear(of(2, 3), of(5, 3), { residual: of(2, 4) }),
      'ERR_SHAPE',
      'linear: expected residual to be [2, 5], got [2, 4]',
    );
    expectRefusal(
      () => linear(of(2, 3), of(5, 3), { lora: { a: of(3, 2), b: of(3, 5) } }),
      'ERR_SHAPE',
      'linear: expected sideWeight to be [2, 5], got [3, 5]',
    );
    expectRefusal(
      () => linear(of(2, 3), of(5, 3), { lora: { a: of(3, 65), b: of(65, 5) } }),
      'ERR_VALUE',
      'linear: expected side to be of rank 64 at most, got 65',
    );
    expectRefusal(
      () => linear(of(2, 3), device.tensor([5, 3], 'i8')),
      'ERR_VALUE',
      'linear: expected scale to be given exactly when weight is i8, got none',
    );
    expectRefusal(
      () => linear(of(2, 3), of(5, 3), { dtype: 'bf16' }),
      'ERR_DTYPE',
      'linear: expected y to be f32 or f32, got bf16',
    );
  });
});

import { describe, test } from 'vitest';
import { matmul, matmulInto, scope } from '../../lib/index.ts';
import { given, input, ofSum } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectClose,
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
  take,
  upload,
} from '../support/op_case.ts';

type Float = 'f32' | 'bf16';
interface Form {
  readonly a: Float;
  readonly b: Float;
  readonly c: Float;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

const product = (m: number, k: number, n: number, form: Form, alpha = 1): OpCase => {
  const { transposeA, transposeB } = form;
  return {
    inputs: [
      input(transposeA ? [k, m] : [m, k], 1, { dtype: form.a }),
      input(transposeB ? [n, k] : [k, n], 2, { dtype: form.b }),
    ],
    op: (a, b) => matmul(a!, b!, { transposeA, transposeB, alpha, dtype: form.c }),
    definition: (a, b) =>
      Float64Array.from({ length: m * n }, (_, at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        let sum = 0;
        for (let l = 0; l < k; l++)
          sum += a![transposeA ? l * m + i : i * k + l]! * b![transposeB ? j * k + l : l * n + j]!;
        return alpha * sum;
      }),
    // A sum of k terms in f32, stored once; its gradients sum m or n of them.
    roundings: form.c === 'bf16' ? 1.1 : ofSum(k),
    gradientRoundings: [form.a, form.b, form.c].includes('bf16') ? 4 : ofSum(m + n),
  };
};

const dtypes: readonly (readonly [Float, Float, Float])[] = [
  ['f32', 'f32', 'f32'],
  ['bf16', 'bf16', 'bf16'],
  ['bf16', 'bf16', 'f32'],
  ['f32', 'bf16', 'f32'],
  ['bf16', 'f32', 'bf16'],
];

onEveryDevice('matmul', (device) => {
  describe.each(dtypes)('%s by %s to %s', (a, b, c) => {
    describe.each([
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ])('transposed %j, %j', (transposeA, transposeB) => {
      const form = { a, b, c, transposeA, transposeB };
      test.each([
        [1, 1, 1],
        [3, 5, 7],
        [17, 33, 31],
        [65, 80, 130],
      ])('is its definition with m %i, k %i, n %i', (m, k, n) =>
        expectDefinition(device, product(m, k, n, form, 0.5)),
      );

      test('has the gradient of its definition', () =>
        expectGradient(device, product(5, 7, 9, form, -2)));
    });
  });

  test('sums many terms', async () => {
    const form = { a: 'f32', b: 'f32', c: 'f32', transposeA: false, transposeB: true } as const;
    await expectDefinition(device, product(2, 4099, 3, form));
    await expectDefinition(device, product(3, 3, 515, form));
  });

  test('adds to what is there', async () => {
    const c = scope(() => {
      const c = upload(device, given([1, 2, 3, 4], [2, 2], 'f32'));
      const a = upload(device, given([1, 2], [2, 1], 'f32'));
      const b = upload(device, given([10, 20], [1, 2], 'f32'));
      matmulInto(c, a, b, { accumulate: true, alpha: 0.5 });
      return c;
    });
    expectClose(await take(c), [6, 12, 13, 24], 0);
  });

  test('refuses what does not fit', () => {
    const of = (...shape: number[]) => device.tensor(shape);
    expectRefusal(
      () => matmul(of(2, 3), of(4, 5)),
      'ERR_SHAPE',
      'matmul: expected b to be [3, 5], got [4, 5]',
    );
    expectRefusal(
      () => matmul(of(2, 3), of(4, 5), { transposeB: true }),
      'ERR_SHAPE',
      'matmul: expected b to be [4, 3], got [4, 5]',
    );
    expectRefusal(
      () => matmul(of(2), of(2, 3)),
      'ERR_SHAPE',
      'matmul: expected a to be [m, k], got [2]',
    );
    expectRefusal(
      () => matmul(device.tensor([2, 3], 'i8'), of(3, 2), { dtype: 'f32' }),
      'ERR_DTYPE',
      'matmul: expected a to be f32 or bf16, got i8',
    );
  });
});

import { expect, test } from 'vitest';
import { muon, orthogonalised, scope, type Tensor } from '../../lib/index.ts';
import { input, stored } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectRefusal, take, upload } from '../support/op_case.ts';

type Matrix = readonly (readonly number[])[];

const rowsOf = (values: ArrayLike<number>, columns: number): Matrix =>
  Array.from({ length: values.length / columns }, (_, i) =>
    Array.from({ length: columns }, (_, j) => values[i * columns + j]!),
  );
const transposed = (x: Matrix): Matrix => x[0]!.map((_, j) => x.map((row) => row[j]!));
const product = (x: Matrix, y: Matrix): Matrix =>
  x.map((row) => transposed(y).map((column) => row.reduce((sum, v, k) => sum + v * column[k]!, 0)));
const combined = (...terms: readonly (readonly [number, Matrix])[]): Matrix =>
  terms[0]![1].map((row, i) =>
    row.map((_, j) => terms.reduce((sum, [factor, x]) => sum + factor * x[i]![j]!, 0)),
  );
const norm = (x: Matrix): number => Math.hypot(...x.flat());
const divided = (x: Matrix, by: number): Matrix => combined([1 / by, x]);

/** Newton and Schulz's iteration as it is written, in float64. */
function definition(x: Matrix): Matrix {
  let y = divided(x, norm(x));
  y = divided(y, Math.sqrt(norm(product(y, transposed(y)))));
  for (let i = 0; i < 3; i++) {
    const gram = product(y, transposed(y));
    const square = product(gram, gram);
    y = combined([3.4445, y], [-4.775, product(gram, y)], [2.0315, product(square, y)]);
  }
  return divided(y, norm(y));
}

const valuesOf = async (tensor: Tensor) => Float64Array.from(await tensor.read());

const shapes = [
  [4, 4],
  [5, 3],
  [3, 17],
  [1, 7],
  [7, 1],
  [64, 33],
] as const;

onEveryDevice('muon', (device) => {
  test.each(shapes)('makes singular values of %i x %i equal, by definition', async (out, width) => {
    const x = input([out, width], 3);
    const got = await take(scope(() => orthogonalised(upload(device, x))));
    // Some ten products of matrices, each a sum of up to 64 terms, of which the polynomial multiplies errors by 3.4.
    expectClose(got, definition(rowsOf(x.values, width)).flat(), 512);
  });

  test('leaves the directions of a matrix, and brings its values together', async () => {
    // Singular values 1 to 8 along the axes.
    const values = Float64Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? 1 + i / 9 : 0));
    const x = upload(device, { values, shape: [8, 8], dtype: 'f32' });
    const got = rowsOf(await take(scope(() => orthogonalised(x))), 8);
    x.dispose();
    const diagonal = got.map((row, i) => row[i]! * Math.sqrt(8));
    expect(Math.min(...diagonal)).toBeGreaterThan(0.6);
    expect(Math.max(...diagonal)).toBeLessThan(1.3);
    expect(norm(got)).toBeCloseTo(1, 5);
    expect(got.every((row, i) => row.every((v, j) => i === j || Math.abs(v) < 1e-6))).toBe(true);
  });

  test.each(['f32', 'bf16'] as const)('steps by definition, gradients in %s', async (dtype) => {
    const [start, rate, factor, momentum, decay] = [input([3, 5], 1), 0.01, 0.5, 0.8, 0.1];
    const gradients = [2, 3].map((seed) => input([3, 5], seed, { dtype }));
    using weight = upload(device, start);
    using m = device.zeros([3, 5]);
    using rounded = device.tensor([3, 5], 'bf16');
    let expected = rowsOf(start.values, 5);
    let mean = rowsOf(new Float64Array(15), 5);
    for (const gradient of gradients) {
      scope(() => {
        const [r, f] = [device.full([1], rate), device.full([1], factor)];
        const options = { rate: r, factor: f, rounded, momentum, decay };
        muon(weight, upload(device, gradient), m, options);
      });
      const g = rowsOf(
        gradient.values.map((v) => v * factor),
        5,
      );
      mean = combined([momentum, mean], [1 - momentum, g]);
      const direction = definition(combined([momentum, mean], [1 - momentum, g]));
      const step = 0.2 * rate * Math.sqrt(15);
      expected = combined([1 - rate * decay, expected], [-step, direction]);
    }
    const moved = await valuesOf(weight);
    expectClose(moved, expected.flat(), 32);
    expectClose(await valuesOf(m), mean.flat(), 16);
    expect(await valuesOf(rounded)).toEqual(moved.map((v) => stored(v, 'bf16')));
  });

  test('stays where it is without a gradient', async () => {
    using weight = upload(device, input([4, 6], 5));
    using m = device.zeros([4, 6]);
    const before = await valuesOf(weight);
    scope(() => muon(weight, device.zeros([4, 6]), m, { rate: device.full([1], 0.1) }));
    expect(await valuesOf(weight)).toEqual(before);
  });

  test('refuses what is no matrix, and constants out of their range', () => {
    using vector = device.zeros([4]);
    using matrix = device.zeros([2, 2]);
    using rate = device.zeros([1]);
    expectRefusal(
      () => orthogonalised(vector),
      'ERR_VALUE',
      'orthogonalised: expected x to be [out, in], got [4]',
    );
    for (const [options, message] of [
      [{ momentum: 1 }, 'muon: expected momentum to be in [0, 1), got 1'],
      [{ momentum: Number.NaN }, 'muon: expected momentum to be in [0, 1), got NaN'],
      [{ decay: -1 }, 'muon: expected decay to be 0 or more, got -1'],
    ] as const)
      expectRefusal(() => muon(matrix, matrix, matrix, { rate, ...options }), 'ERR_VALUE', message);
  });
});

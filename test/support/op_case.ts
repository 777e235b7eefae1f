// One way of calling an op beside its definition in float64, and what is claimed about the two.
import { expect } from 'vitest';
import type { Device, Tensor } from '../../lib/index.ts';
import { cast, gradients, multiply, scope, sum } from '../../lib/index.ts';
import { type Dtype, type Input, input, normal, rounding, stored, uniform } from './numbers.ts';

export interface OpCase {
  readonly inputs: readonly Input[];
  readonly op: (...tensors: Tensor[]) => Tensor;
  /** The same, slowly, from the values of the inputs. */
  readonly definition: (...values: Float64Array[]) => Float64Array;
  /** How many roundings of the result's dtype its error may be; see `expectClose`. */
  readonly roundings: number;
  /** The same for gradients; twice `roundings` unless told. */
  readonly gradientRoundings?: number;
}

/** An input on the device. */
export function upload(device: Device, { values, shape, dtype }: Input): Tensor {
  return device.from(values, shape, dtype);
}

/** The values of a tensor, which is disposed. */
export async function take(tensor: Tensor): Promise<Float64Array> {
  const values = Float64Array.from(await tensor.read());
  tensor.dispose();
  return values;
}

/**
 * Claims `|actual - expected| <= roundings * rounding(dtype) * max(|expected|, typical)` for each
 * element, where `typical` is the root mean square of all that is expected: sums that cancel keep the
 * rounding errors of their terms.
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  roundings: number,
  dtype: Dtype = 'f32',
): void {
  expect(actual.length, 'how many elements').toBe(expected.length);
  let squares = 0;
  let finite = 0;
  for (let i = 0; i < expected.length; i++) {
    if (!Number.isFinite(expected[i]!)) continue;
    squares += expected[i]! ** 2;
    finite++;
  }
  const typical = Math.sqrt(squares / Math.max(finite, 1));
  let worst = 0;
  let where = -1;
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i]) || actual[i] === expected[i]) continue;
    const unit = rounding(dtype) * Math.max(Math.abs(expected[i]!), typical);
    const error = Math.abs(actual[i]! - expected[i]!) / unit;
    if (error <= worst) continue; // NaN goes on
    worst = error;
    where = i;
    if (Number.isNaN(error)) break;
  }
  if (!(worst <= roundings)) {
    expect.fail(
      `element ${where}: expected ${expected[where]} within ${roundings} roundings of ${dtype}, ` +
        `got ${actual[where]}, which is ${worst.toPrecision(3)} away`,
    );
  }
}

/** Claims that two results have the same bits. Unlike `toEqual` it is quick on many elements. */
export function expectSameBits(
  actual: readonly Float64Array[],
  expected: readonly Float64Array[],
  what = 'bits',
): void {
  const bytes = (x: Float64Array) => Buffer.from(x.buffer, x.byteOffset, x.byteLength);
  expect(actual.length, 'how many results').toBe(expected.length);
  actual.forEach((result, i) => {
    if (bytes(result).equals(bytes(expected[i]!))) return;
    const at = result.findIndex((v, j) => !Object.is(v, expected[i]![j]));
    expect.fail(
      `${what}: element ${at} of result ${i} is ${result[at]}, expected ${expected[i]![at]}`,
    );
  });
}

/** Claims that the op computes its definition. */
export async function expectDefinition(device: Device, of: OpCase): Promise<void> {
  const y = scope(() => of.op(...of.inputs.map((one) => upload(device, one))));
  const dtype = y.dtype;
  const expected = of.definition(...of.inputs.map((one) => one.values));
  expectClose(await take(y), expected, of.roundings, dtype);
}

/**
 * Claims that the gradient of each differentiable input is that of the definition. The loss is the
 * result's inner product with fixed random numbers; its derivative along random directions of signs
 * is taken by central differences of the definition, in float64. The tolerance is `gradientRoundings`
 * times the rounding of the input's dtype (or of the result's, if coarser) times the Euclidean length
 * of the gradient: what independent errors of one rounding per element would sum to. The gradient by
 * each input alone, while the others are frozen, is claimed to be the same.
 */
export async function expectGradient(device: Device, of: OpCase): Promise<void> {
  const { inputs, op, definition } = of;
  const values = inputs.map((one) => one.values);
  const y0 = definition(...values);
  const toward = input([y0.length], 77, { dtype: 'bf16' });
  const loss = (xs: readonly Float64Array[]) => {
    const y = definition(...xs);
    let sum = 0;
    for (let i = 0; i < y.length; i++) sum += y[i]! * toward.values[i]!;
    return sum;
  };

  const differentiable = inputs.flatMap((one, i) =>
    one.constant || one.dtype === 'i32' || one.dtype === 'i8' ? [] : [i],
  );
  let coarsest: Dtype = 'f32';
  const gradientsBy = async (which: readonly number[]) => {
    const grads = scope(() => {
      const tensors = inputs.map((one) => upload(device, one));
      const weight = cast(upload(device, toward), 'f32');
      const lossOfOp = () => {
        const y = op(...tensors);
        if (y.dtype === 'bf16') coarsest = 'bf16';
        return sum(multiply(cast(y, 'f32'), weight));
      };
      return gradients(
        lossOfOp,
        which.map((i) => tensors[i]!),
      );
    });
    return Promise.all(grads.map(take));
  };

  const got = await gradientsBy(differentiable);
  if (differentiable.length > 1)
    for (const [g, at] of differentiable.entries()) {
      const [alone] = await gradientsBy([at]);
      const dtype = inputs[at]!.dtype === 'bf16' ? 'bf16' : coarsest;
      expectClose(alone!, got[g]!, of.gradientRoundings ?? 2 * of.roundings, dtype);
    }
  differentiable.forEach((at, g) => {
    const x = inputs[at]!;
    const grad = got[g]!;
    expect(grad.length, `elements of the gradient of input ${at}`).toBe(x.values.length);
    const length = Math.sqrt(grad.reduce((sum, v) => sum + v * v, 0));
    const dtype = x.dtype === 'bf16' ? 'bf16' : coarsest;
    const tolerance = (of.gradientRoundings ?? 2 * of.roundings) * rounding(dtype) * length;
    for (let direction = 0; direction < 3; direction++) {
      const next = uniform(1000 + 10 * at + direction);
      const signs = Float64Array.from(x.values, () => (next() < 0.5 ? -1 : 1));
      const h = 1e-5;
      const moved = (by: number) =>
        loss(values.map((v, i) => (i === at ? v.map((u, j) => u + by * signs[j]!) : v)));
      const expected = (moved(h) - moved(-h)) / (2 * h);
      const slope = grad.reduce((sum, v, j) => sum + v * signs[j]!, 0);
      // Central differences themselves are good to about h^2 and the cancellation of the loss.
      const ofDifferences = 1e-8 * Math.max(1, Math.abs(expected));
      if (!(Math.abs(slope - expected) <= tolerance + ofDifferences)) {
        expect.fail(
          `input ${at}, direction ${direction}: expected a slope of ${expected}, got ${slope}, ` +
            `which is ${(Math.abs(slope - expected) / tolerance).toPrecision(3)} tolerances away`,
        );
      }
    }
  });
}

/** Claims that `call` throws an error of that code and exactly that message. */
export function expectRefusal(call: () => unknown, code: string, message: string): void {
  let error: unknown;
  try {
    scope(() => {
      call();
    });
  } catch (caught) {
    error = caught;
  }
  expect(error, 'that it throws').toBeDefined();
  expect((error as Error).message).toBe(message);
  expect((error as { code?: string }).code).toBe(code);
}

export { normal, stored };

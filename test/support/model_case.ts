// A module beside its definition in float64, and what is claimed about the two.
import { expect } from 'vitest';
import { type Device, gradients, multiply, scope, sum, type Tensor } from '../../lib/index.ts';
import { input, normal, rounding, uniform } from './numbers.ts';
import { expectClose, take, upload } from './op_case.ts';

/** Values of tensors by their names. */
export type Named = ReadonlyMap<string, Float64Array>;

export interface ModelCase {
  /** What it is differentiated by, on the device. */
  readonly tensors: readonly (readonly [string, Tensor])[];
  readonly forward: () => Tensor;
  /** The same, slowly, from the values of the tensors. */
  readonly definition: (values: Named) => Float64Array;
  /** How many roundings of f32 the result may be off; see `expectClose`. */
  readonly roundings: number;
  /** The same for gradients; four times `roundings` unless told. */
  readonly gradientRoundings?: number;
}

/** Random numbers in every tensor, those of norms and scales around 1: nothing is 0 by chance. */
export function randomise(tensors: readonly (readonly [string, Tensor])[], seed: number): void {
  tensors.forEach(([name, tensor], i) => {
    const next = normal(1000 * seed + i);
    const mean = /norm\w*\.weight$|logit_scale$/.test(name) ? 1 : 0;
    const scale = tensor.shape.length > 1 ? tensor.shape.at(-1)! ** -0.5 : 0.3;
    tensor.write(Float32Array.from({ length: tensor.count }, () => mean + scale * next()));
  });
}

/** Claims that the module computes its definition. */
export async function expectModel(of: ModelCase): Promise<void> {
  const expected = of.definition(await valuesOf(of));
  expectClose(await take(scope(of.forward)), expected, of.roundings);
}

/**
 * Claims that the gradient by every tensor is that of the definition: of the result's inner product
 * with fixed random numbers, along a random direction of signs, by central differences in float64. The
 * tolerance is as `expectGradient` has it.
 */
export async function expectModelGradient(device: Device, of: ModelCase): Promise<void> {
  const values = await valuesOf(of);
  const toward = input([of.definition(values).length], 77);
  const taken = scope(() => {
    const weights = upload(device, toward);
    const wrt = of.tensors.map(([, tensor]) => tensor);
    return gradients(() => sum(multiply(of.forward(), weights)), wrt);
  });
  const loss = (at: Named) =>
    of.definition(at).reduce((total, value, i) => total + value * toward.values[i]!, 0);

  const lengthOf = (x: Float64Array) => Math.sqrt(x.reduce((total, v) => total + v * v, 0));
  const got = await Promise.all(taken.map(take));
  const longest = Math.max(...got.map(lengthOf));
  for (const [i, gradient] of got.entries()) {
    const [name] = of.tensors[i]!;
    const next = uniform(i);
    const signs = gradient.map(() => (next() < 0.5 ? -1 : 1));
    const h = 1e-5;
    const moved = (by: number) => values.get(name)!.map((v, j) => v + by * signs[j]!);
    const along = (by: number) => loss(new Map(values).set(name, moved(by)));
    const expected = (along(h) - along(-h)) / (2 * h);
    const slope = gradient.reduce((total, value, j) => total + value * signs[j]!, 0);
    // A gradient whose terms cancel, as by the bias of keys, keeps the rounding errors of others.
    const length = Math.max(lengthOf(gradient), longest / 100);
    const roundings = of.gradientRoundings ?? 4 * of.roundings;
    const tolerance = roundings * rounding('f32') * length + 1e-8 * Math.max(1, Math.abs(expected));
    expect(Math.abs(slope - expected), `slope along ${name}`).toBeLessThanOrEqual(tolerance);
  }
}

const valuesOf = async ({ tensors }: ModelCase): Promise<Named> =>
  new Map(
    await Promise.all(
      tensors.map(
        async ([name, tensor]) => [name, Float64Array.from(await tensor.read())] as const,
      ),
    ),
  );

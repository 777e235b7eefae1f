// The smallest thing that can be trained and has everything that a training saves: y = W x + b by least
// squares, with noise on x and a counter beside the parameters.
import {
  add,
  advance,
  cast,
  type Device,
  gaussianNoise,
  keep,
  linear,
  mean,
  multiply,
  subtract,
  type Tensor,
  Weights,
} from '../../lib/index.ts';
import type { Draws } from '../../lib/train/draws.ts';
import type { Examples, PreparedBatch, StepLoss, Trainer } from '../../lib/train/trainer.ts';
import { normal } from '../support/numbers.ts';

export interface Point {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

interface Points {
  readonly x: Tensor;
  readonly y: Tensor;
}

const [inputs, outputs] = [5, 3];

/** Points of a linear map, each a function of its index. */
export function points(length: number): Examples<Point> & { readonly reads: number[] } {
  const reads: number[] = [];
  const next = normal(3);
  const map = Array.from({ length: outputs }, () => Array.from({ length: inputs }, next));
  const at = (index: number): Point => {
    reads.push(index);
    const draw = normal(100 + index);
    const x = Array.from({ length: inputs }, draw);
    return { x, y: map.map((row) => row.reduce((sum, w, i) => sum + w * x[i]!, 0)) };
  };
  return { length, at, reads };
}

export interface SmallTrainerOptions {
  readonly dtype?: 'f32' | 'bf16';
  readonly noise?: number;
  readonly device: Device;
}

export class SmallTrainer implements Trainer<Point, Points> {
  readonly device: Device;
  readonly weights: Weights;
  readonly parameters: readonly (readonly [string, Tensor])[];
  readonly state: readonly (readonly [string, Tensor])[];
  private readonly noise: number;
  private readonly one: Tensor;

  constructor({ device, dtype = 'f32', noise = 0 }: SmallTrainerOptions) {
    this.device = device;
    this.noise = noise;
    this.weights = Weights.fresh(device, { seed: 1, dtype });
    this.parameters = [
      ['weight', this.weights.tensor('weight', [outputs, inputs], { normal: 0.1 })],
      ['bias', this.weights.tensor('bias', [outputs], { constant: 0 }, { dtype: 'f32' })],
    ];
    this.state = [['count', keep(device.full([1], 0, 'i32'))]];
    this.one = keep(device.full([1], 1, 'i32'));
  }

  prepare(examples: readonly Point[], draws: Draws): PreparedBatch<Points> {
    const clean = this.device.from(
      examples.flatMap(({ x }) => x),
      [examples.length, inputs],
    );
    const seed = this.device.from(draws.seeds('noise', 1), [2]);
    const x = gaussianNoise(clean, seed, { strength: this.noise });
    const y = this.device.from(
      examples.flatMap(({ y }) => y),
      [examples.length, outputs],
    );
    return { batch: { x, y }, weight: examples.length };
  }

  loss({ x, y }: Points): StepLoss {
    const [[, weight], [, bias]] = this.parameters as [[string, Tensor], [string, Tensor]];
    const off = subtract(add(linear(x, cast(weight, 'f32')), bias), y);
    return { loss: mean(multiply(off, off)), metrics: { bias: mean(bias) } };
  }

  async afterStep(draws: Draws): Promise<Record<string, number>> {
    advance(this.state[0]![1], this.one);
    return { drawn: draws.uniform('restart') };
  }

  dispose(): void {
    this.weights.dispose();
    for (const [, tensor] of this.state) tensor.dispose();
    this.one.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** The values of everything that a training changes, by name. */
export async function valuesOfState(training: {
  readonly state: readonly (readonly [string, Tensor])[];
}): Promise<Map<string, number[]>> {
  const read = training.state.map(async ([name, tensor]) => [name, [...(await tensor.read())]]);
  return new Map((await Promise.all(read)) as [string, number[]][]);
}

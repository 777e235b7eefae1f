// What the tests of trainers do with one: train it for some steps, and look at what moved.
import { afterAll, expect } from 'vitest';
import { type Device, openDevice, type Weights } from '../../lib/index.ts';
import { Training, type TrainingOptions, type TrainingStep } from '../../lib/train/loop.ts';
import type { Examples, Trainer } from '../../lib/train/trainer.ts';

/** A CPU with a test at the end of the file that nothing is left on it. */
export async function trainingDevice(): Promise<Device> {
  const device = await openDevice('cpu', { threads: 1 });
  afterAll(async () => {
    await device.idle();
    expect(device.memory()).toMatchObject({ storages: 0, graphs: 0 });
    await device.close();
  });
  return device;
}

/** Makes so many steps of a batch each, at a steady rate. */
export async function trained<Example, Batch>(
  trainer: Trainer<Example, Batch>,
  examples: Examples<Example>,
  steps: number,
  options: Partial<TrainingOptions> & { readonly rate: number },
): Promise<TrainingStep[]> {
  const { rate, batchSize = examples.length, ...others } = options;
  const perEpoch = Math.floor(examples.length / (batchSize * (others.accumulation ?? 1)));
  using training = new Training(trainer, examples, {
    seed: 3,
    ...others,
    batchSize,
    schedule: { rate, epochs: steps / perEpoch },
  });
  const made: TrainingStep[] = [];
  for await (const step of training.steps()) made.push(step);
  expect(made).toHaveLength(steps);
  return made;
}

/** The mean loss of the first and of the last few steps. */
export function fall(
  steps: readonly TrainingStep[],
  few = 5,
): readonly [first: number, last: number] {
  const mean = (of: readonly TrainingStep[]) =>
    of.reduce((sum, { loss }) => sum + loss, 0) / of.length;
  return [mean(steps.slice(0, few)), mean(steps.slice(-few))];
}

/** The values of all tensors of a tree. */
export async function valuesIn(weights: Weights): Promise<Map<string, number[]>> {
  const read = weights.entries().map(async ([name, tensor]) => {
    const values: [string, number[]] = [name, [...(await tensor.read())]];
    return values;
  });
  return new Map(await Promise.all(read));
}

/** The names of tensors that are not what they were, sorted. */
export function moved(
  before: ReadonlyMap<string, number[]>,
  after: ReadonlyMap<string, number[]>,
): string[] {
  const names = [...after.keys()].sort();
  return names.filter((name) =>
    before.get(name)!.some((value, i) => value !== after.get(name)![i]),
  );
}

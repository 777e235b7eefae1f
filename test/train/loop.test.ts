import { expect, test } from 'vitest';
import { Training, type TrainingOptions, type TrainingStep } from '../../lib/train/loop.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectRefusal } from '../support/op_case.ts';
import { points, SmallTrainer, valuesOfState } from './small_trainer.ts';

const options: TrainingOptions = {
  schedule: { rate: 0.05, minRate: 0.01, warmupEpochs: 1, epochs: 10 },
  batchSize: 4,
  seed: 7,
  maxNorm: 5,
};

async function all<T>(steps: AsyncIterable<T>): Promise<T[]> {
  const made: T[] = [];
  for await (const step of steps) made.push(step);
  return made;
}

onEveryDevice('a training', (device) => {
  const run = async (given: Partial<TrainingOptions>, dtype: 'f32' | 'bf16' = 'f32') => {
    using trainer = new SmallTrainer({ device, dtype });
    using training = new Training(trainer, points(22), { ...options, ...given });
    const steps = await all(training.steps());
    return { steps, state: await valuesOfState(training), losses: training.losses };
  };

  test('makes every step of its epochs, at the rates of its schedule, and its loss falls', async () => {
    const { steps, losses } = await run({});
    // 5 batches of 4 in 22 examples
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    expect(steps.map(({ loss }) => loss)).toEqual(losses);
    expect(steps[4]!.epoch).toBe(1);
    expect(steps[0]!.rate).toBe(0);
    expect(steps[5]!.rate).toBeCloseTo(0.05, 12);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 20);
  });

  test.each(['f32', 'bf16'] as const)('is the same when it is made again, in %s', async (dtype) => {
    const [first, second] = [await run({}, dtype), await run({}, dtype)];
    expect(second.losses).toEqual(first.losses);
    expect(second.state).toEqual(first.state);
    expect((await run({ seed: 8 }, dtype)).losses).not.toEqual(first.losses);
  });

  test('takes the gradient of several batches together as that of one', async () => {
    const whole = await run({ batchSize: 4 });
    const parts = await run({ batchSize: 2, accumulation: 2 });
    expect(parts.steps).toHaveLength(50);
    expectClose(parts.losses, whole.losses, 2 ** 10);
    const weight = 'parameters.weight';
    expectClose(parts.state.get(weight)!, whole.state.get(weight)!, 2 ** 12);
    for (const [i, { metrics }] of parts.steps.entries())
      expect(metrics.bias).toBeCloseTo(whole.steps[i]!.metrics.bias!, 4);
  });

  test('says how long the gradients are before they are cut', async () => {
    const norms = ({ steps }: { steps: TrainingStep[] }) =>
      steps.map(({ gradientNorm }) => gradientNorm);
    const free = await run({ maxNorm: undefined });
    const cut = await run({ maxNorm: 0.01 });
    expect(norms(cut)[0]).toBe(norms(free)[0]);
    expect(norms(cut)[0]).toBeGreaterThan(1);
  });

  test('keeps masters of bf16 in f32, which go on where bf16 stands still', async () => {
    using trainer = new SmallTrainer({ device, dtype: 'bf16' });
    using training = new Training(trainer, points(22), {
      ...options,
      schedule: { rate: 1e-5, epochs: 1 },
    });
    const before = await valuesOfState(training);
    await all(training.steps());
    const after = await valuesOfState(training);
    const moved = (name: string) =>
      after.get(name)!.filter((value, i) => value !== before.get(name)![i]).length;
    expect(moved('optimizer.master.weight')).toBe(15);
    expect(moved('parameters.weight')).toBeLessThan(5);
  });

  test('averages its weights, and has them back after an evaluation', async () => {
    using trainer = new SmallTrainer({ device });
    const seen: number[][] = [];
    using training = new Training(trainer, points(22), {
      ...options,
      schedule: { rate: 0.05, epochs: 1 },
      averageDecay: 0.2,
      evaluation: {
        every: 2,
        run: async () => {
          seen.push([...(await trainer.parameters[1]![1].read())]);
          return { measured: seen.length };
        },
      },
    });
    const weights: number[][] = [[0, 0, 0]];
    const steps: TrainingStep[] = [];
    for await (const step of training.steps()) {
      steps.push(step);
      weights.push([...(await trainer.parameters[1]![1].read())]);
    }
    expect(steps.map(({ metrics }) => metrics.measured)).toEqual([undefined, 1, undefined, 2, 3]);
    // Steps 1 and 2 remember 2/11 and 0.2.
    const first = weights[1]!.map((w, i) => (2 / 11) * weights[0]![i]! + (9 / 11) * w);
    const second = weights[2]!.map((w, i) => 0.2 * first[i]! + 0.8 * w);
    expectClose(seen[0]!, second, 8);
    expect(seen[0]).not.toEqual(weights[2]);
  });

  test('ends before the next step when it is aborted, and can go on', async () => {
    const whole = await run({});
    using trainer = new SmallTrainer({ device });
    using training = new Training(trainer, points(22), options);
    const controller = new AbortController();
    for await (const { step } of training.steps(controller.signal))
      if (step === 3) controller.abort();
    expect(training.losses).toEqual(whole.losses.slice(0, 3));
    await all(training.steps());
    expect(training.losses).toEqual(whole.losses);
    expect(await all(training.steps(AbortSignal.abort()))).toEqual([]);
  });

  test('reads each example of a step once, and no others but those of the next', async () => {
    using trainer = new SmallTrainer({ device });
    const data = points(22);
    using training = new Training(trainer, data, options);
    for await (const { step } of training.steps()) if (step === 2) break;
    expect(data.reads).toHaveLength(12);
    expect(new Set(data.reads).size).toBe(12);
  });

  test('says so when its loss is not finite', async () => {
    using trainer = new SmallTrainer({ device });
    const data = { ...points(22), at: () => ({ x: [0, 0, 0, 0, 0], y: [Number.NaN, 0, 0] }) };
    using training = new Training(trainer, data, options);
    await expect(all(training.steps())).rejects.toMatchObject({
      code: 'ERR_VALUE',
      message:
        'training: expected the loss of step 0 to be finite, got NaN. Go on from what was saved ' +
        'before with a lower learning rate.',
    });
    expect(training.losses).toEqual([]);
  });

  test('of no step at all is refused', () => {
    using trainer = new SmallTrainer({ device });
    const none = { ...options, schedule: { rate: 1, epochs: 0.09 } };
    expectRefusal(
      () => new Training(trainer, points(22), none),
      'ERR_INPUT',
      'training: expected epochs to come to a step at least, got 0.09 where an epoch has 5',
    );
  });

  test('passes on what reading an example throws', async () => {
    using trainer = new SmallTrainer({ device });
    const data = { ...points(22), at: () => Promise.reject(new Error('no such example')) };
    using training = new Training(trainer, data, options);
    await expect(all(training.steps())).rejects.toThrow('no such example');
  });

  test('is of weighted parts where a trainer says how much each counts', async () => {
    using trainer = new SmallTrainer({ device });
    const weighted = Object.assign(trainer, {
      prepare: (examples: readonly { weight: number; value: number }[]) => ({
        batch: { value: examples[0]!.value },
        weight: examples[0]!.weight,
      }),
      loss: ({ value }: { value: number }) => ({ loss: device.full([1], value) }),
    });
    const data = { length: 2, at: (i: number) => ({ weight: i === 0 ? 1 : 3, value: i }) };
    using training = new Training(weighted as never, data, {
      ...options,
      batchSize: 1,
      accumulation: 2,
      schedule: { rate: 0, epochs: 1 },
    });
    await all(training.steps());
    expect(training.losses).toEqual([0.75]);
  });
});

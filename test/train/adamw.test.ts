import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { scope, type Tensor, Weights } from '../../lib/index.ts';
import { AdamW, type AdamWProgress } from '../../lib/train/adamw.ts';
import { input, stored } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectRefusal, expectSameBits, take, upload } from '../support/op_case.ts';

const start = [input([3, 5], 1), input([7], 2)];
const gradientsOf = (step: number) => [input([3, 5], 10 * step), input([7], 10 * step + 1)];
const rates = [0, 0.01, 0.02, 0.005];
const settings = { beta1: 0.8, beta2: 0.9, eps: 1e-4, decay: 0.1, maxNorm: 2 };

/** The parameters after so many steps, in float64. */
function definition(steps: number): Float64Array[] {
  const { beta1, beta2, eps, decay, maxNorm } = settings;
  const weights = start.map(({ values }) => values.slice());
  const [m, v] = [0, 1].map(() => weights.map((w) => w.map(() => 0)));
  for (let t = 1; t <= steps; t++) {
    const gradients = gradientsOf(t).map(({ values }) => values);
    const norm = Math.sqrt(gradients.flatMap((g) => [...g]).reduce((sum, g) => sum + g * g, 0));
    const factor = Math.min(1, maxNorm / (norm + 1e-6));
    const rate = stored(rates[t - 1]!, 'f32');
    gradients.forEach((gradient, p) => {
      gradient.forEach((value, j) => {
        const g = value * factor;
        m![p]![j] = beta1 * m![p]![j]! + (1 - beta1) * g;
        v![p]![j] = beta2 * v![p]![j]! + (1 - beta2) * g * g;
        const mean = m![p]![j]! / (1 - beta1 ** t);
        const square = v![p]![j]! / (1 - beta2 ** t);
        const weight = weights[p]![j]!;
        weights[p]![j] = weight * (1 - rate * decay) - (rate * mean) / (Math.sqrt(square) + eps);
      });
    });
  }
  return weights;
}

const folder = mkdtempSync(join(tmpdir(), 'stylear-adamw-'));
afterAll(() => rmSync(folder, { recursive: true }));

onEveryDevice('AdamW', (device) => {
  const named = (tensors: readonly Tensor[]) =>
    tensors.map((tensor, i) => [`layers.${i}.weight`, tensor] as const);
  const made = (values = start.map((one) => one.values), progress?: AdamWProgress) => {
    const parameters = start.map((one, i) => upload(device, { ...one, values: values[i]! }));
    const optimizer = new AdamW(named(parameters), settings, progress);
    const dispose = () => {
      optimizer.dispose();
      for (const tensor of parameters) tensor.dispose();
    };
    return { parameters, optimizer, [Symbol.dispose]: dispose };
  };
  const run = (optimizer: AdamW, from: number, to: number) => {
    for (let t = from; t <= to; t++) {
      optimizer.setRate(rates[t - 1]!);
      scope(() => {
        optimizer.step(gradientsOf(t).map((one) => upload(device, one)));
      });
    }
  };
  const valuesOf = (parameters: readonly Tensor[]) =>
    Promise.all(parameters.map(async (tensor) => Float64Array.from(await tensor.read())));

  test('is its definition over four steps, clipped, at rates that change', async () => {
    using training = made();
    run(training.optimizer, 1, 4);
    const got = await valuesOf(training.parameters);
    const expected = definition(4);
    // Four steps of about five roundings each.
    for (const [i, values] of got.entries()) expectClose(values, expected[i]!, 32);
    expect([...(await training.optimizer.steps.read())]).toEqual([4]);
  });

  test('stays where it is while the rate is 0, but moves its moments', async () => {
    using training = made();
    run(training.optimizer, 1, 1);
    expect(await valuesOf(training.parameters)).toEqual(start.map(({ values }) => values));
    const moment = training.optimizer.moments.at('m').tensor('layers.1.weight', [7]);
    expect((await moment.read()).every((value) => value !== 0)).toBe(true);
  });

  test('says how long the gradients were before they were cut', async () => {
    using training = made();
    const squares = scope(() =>
      training.optimizer.step(gradientsOf(1).map((one) => upload(device, one))),
    );
    const all = gradientsOf(1).flatMap(({ values }) => [...values]);
    expectClose(await take(squares), [all.reduce((sum, g) => sum + g * g, 0)], 8);
  });

  test('goes on from what was saved, bit for bit', async () => {
    using whole = made();
    run(whole.optimizer, 1, 4);

    using first = made();
    run(first.optimizer, 1, 2);
    const path = join(folder, `${device.name}.safetensors`);
    await first.optimizer.moments.save(path);
    const moments = Weights.open(path, device, { writable: true });
    using second = made(await valuesOf(first.parameters), { moments, steps: 2 });
    run(second.optimizer, 3, 4);
    expectSameBits(await valuesOf(second.parameters), await valuesOf(whole.parameters));
  });

  test('can be recorded', async () => {
    using whole = made();
    run(whole.optimizer, 1, 3);

    using training = made();
    const gradients = scope(() => gradientsOf(1).map((one) => upload(device, one)));
    using graph = device.record(() => {
      training.optimizer.step(gradients);
    });
    for (let t = 1; t <= 3; t++) {
      training.optimizer.setRate(rates[t - 1]!);
      gradientsOf(t).forEach(({ values }, i) => {
        gradients[i]!.write(values);
      });
      graph.replay();
    }
    expectSameBits(await valuesOf(training.parameters), await valuesOf(whole.parameters));
    for (const tensor of gradients) tensor.dispose();
  });

  describe('refuses', () => {
    test('to train nothing, or two tensors of one name', () => {
      expectRefusal(
        () => new AdamW([]),
        'ERR_VALUE',
        'AdamW: expected parameters to be at least one, got none',
      );
      const twice = () => ['x', device.zeros([2])] as const;
      expectRefusal(
        () => new AdamW([twice(), twice()]),
        'ERR_VALUE',
        'AdamW: expected names of parameters to differ, got x twice',
      );
    });

    test('gradients that are not one for each', () => {
      using training = made();
      expectRefusal(
        () => training.optimizer.step([device.zeros([3, 5])]),
        'ERR_VALUE',
        'AdamW: expected gradients to be 2, one for each parameter, got 1',
      );
    });
  });
});

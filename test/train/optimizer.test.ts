import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  clipFactor,
  keep,
  muon,
  scope,
  sumSquares,
  type Tensor,
  Weights,
} from '../../lib/index.ts';
import {
  Optimizer,
  type OptimizerProgress,
  type OptimizerSettings,
} from '../../lib/train/optimizer.ts';
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

/** A matrix that Muon moves, and a vector that AdamW does. */
const mixed = { ...settings, optimizer: 'muon', momentum: 0.7 } as const;
const matrices = new Set(['layers.0.weight']);
const optimizers = [
  ['AdamW', settings],
  ['Muon', mixed],
] as const;

const folder = mkdtempSync(join(tmpdir(), 'stylear-adamw-'));
afterAll(() => rmSync(folder, { recursive: true }));

onEveryDevice('the optimizer', (device) => {
  const named = (tensors: readonly Tensor[]) =>
    tensors.map((tensor, i) => [`layers.${i}.weight`, tensor] as const);
  const made = (
    values = start.map((one) => one.values),
    progress?: OptimizerProgress,
    chosen: OptimizerSettings = settings,
  ) => {
    const parameters = start.map((one, i) => upload(device, { ...one, values: values[i]! }));
    const optimizer = new Optimizer(named(parameters), chosen, matrices, progress);
    const dispose = () => {
      optimizer.dispose();
      for (const tensor of parameters) tensor.dispose();
    };
    return { parameters, optimizer, [Symbol.dispose]: dispose };
  };
  const run = (optimizer: Optimizer, from: number, to: number) => {
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

  test('moves by Muon the matrices it is told of, and by AdamW the rest', async () => {
    using training = made(undefined, undefined, mixed);
    run(training.optimizer, 1, 4);
    const [matrix, vector] = await valuesOf(training.parameters);
    expectClose(vector!, definition(4)[1]!, 32);

    using alone = scope(() => keep(upload(device, start[0]!)));
    using momentum = device.zeros([3, 5]);
    for (let t = 1; t <= 4; t++) {
      scope(() => {
        const gradients = gradientsOf(t).map((one) => upload(device, one));
        const factor = clipFactor(sumSquares(gradients), settings);
        const rate = device.full([1], rates[t - 1]!);
        const { decay } = settings;
        muon(alone, gradients[0]!, momentum, { rate, factor, decay, momentum: 0.7 });
      });
    }
    expectSameBits([matrix!], await valuesOf([alone]));
    expect([...training.optimizer.moments.entries()].map(([name]) => name).sort()).toEqual([
      'm.layers.0.weight',
      'm.layers.1.weight',
      'v.layers.1.weight',
    ]);
  });

  test.each(optimizers)('goes on from what was saved, bit for bit: %s', async (name, chosen) => {
    using whole = made(undefined, undefined, chosen);
    run(whole.optimizer, 1, 4);

    using first = made(undefined, undefined, chosen);
    run(first.optimizer, 1, 2);
    const path = join(folder, `${device.name}-${name}.safetensors`);
    await first.optimizer.moments.save(path);
    const moments = Weights.open(path, device, { writable: true });
    using second = made(await valuesOf(first.parameters), { moments, steps: 2 }, chosen);
    run(second.optimizer, 3, 4);
    expectSameBits(await valuesOf(second.parameters), await valuesOf(whole.parameters));
  });

  test.each(optimizers)('can be recorded: %s', async (_, chosen) => {
    using whole = made(undefined, undefined, chosen);
    run(whole.optimizer, 1, 3);

    using training = made(undefined, undefined, chosen);
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
        () => new Optimizer([]),
        'ERR_VALUE',
        'optimizer: expected parameters to be at least one, got none',
      );
      const twice = () => ['x', device.zeros([2])] as const;
      expectRefusal(
        () => new Optimizer([twice(), twice()]),
        'ERR_VALUE',
        'optimizer: expected names of parameters to differ, got x twice',
      );
    });

    test('Muon where there is no matrix for it, or what is none', () => {
      using x = device.zeros([2]);
      const moved = (...names: string[]) =>
        new Optimizer([['x', x]], { optimizer: 'muon' }, new Set(names));
      expectRefusal(
        () => moved(),
        'ERR_VALUE',
        'optimizer: expected adamw, as the trainer names no matrix that muon could move, got muon',
      );
      expectRefusal(
        () => moved('x'),
        'ERR_VALUE',
        'optimizer: expected x, which muon is to move, to be [out, in], got [2]',
      );
    });

    test('gradients that are not one for each', () => {
      using training = made();
      expectRefusal(
        () => training.optimizer.step([device.zeros([3, 5])]),
        'ERR_VALUE',
        'optimizer: expected gradients to be 2, one for each parameter, got 1',
      );
    });
  });
});

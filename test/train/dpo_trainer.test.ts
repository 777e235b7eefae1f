import { describe, expect, test } from 'vitest';
import { Weights } from '../../lib/index.ts';
import { LoraAdapter } from '../../lib/models/lora.ts';
import { DpoTrainer, type DpoTrainerOptions } from '../../lib/train/dpo_trainer.ts';
import { colourPixels, sequence, styleEncoder, transformer } from './small_pictures.ts';
import { moved, trained, trainingDevice, valuesIn } from './trained.ts';

const device = await trainingDevice();

/** The right colour is preferred to another. */
const preferences = {
  length: 6,
  at: (i: number) => ({
    reference: { pixels: colourPixels(i % 3) },
    chosen: sequence(i % 2, i % 3),
    rejected: sequence(i % 2, (i + 1) % 3, 1),
  }),
};

function made(options: DpoTrainerOptions = {}) {
  const { weights, model } = transformer(device);
  const { clip, resampler, encoder } = styleEncoder(device);
  // The same seed: both begin alike, and with a B that is not 0.
  const [policy, reference] = [9, 9].map((seed) => Weights.fresh(device, { seed }));
  const adapterOf = (tree: Weights) => {
    const adapter = LoraAdapter.of(tree, model);
    for (const { b } of adapter.pairs.values())
      b.write(Float32Array.from({ length: b.count }, (_, i) => 0.01 * ((i % 7) - 3)));
    return adapter;
  };
  const adapters = { policy: adapterOf(policy!), reference: adapterOf(reference!) };
  const trainer = new DpoTrainer(model, encoder, adapters, policy!.entries(), options);
  const trees = { policy: policy!, reference: reference!, weights, clip, resampler };
  const dispose = () => {
    for (const tree of Object.values(trees)) tree.dispose();
  };
  return { ...trees, trees, trainer, [Symbol.dispose]: dispose };
}

describe('the DPO trainer', () => {
  test('begins at log 2, and comes to prefer what was preferred', async () => {
    using one = made({ beta: 0.5 });
    const steps = await trained(one.trainer, preferences, 40, { rate: 5e-3 });
    expect(steps[0]!.loss).toBeCloseTo(Math.LN2, 6);
    expect(steps[0]!.metrics.margin).toBeCloseTo(0, 6);
    const last = steps.at(-1)!;
    expect(last.loss).toBeLessThan(0.2);
    expect(last.metrics.margin).toBeGreaterThan(1);
    const gained = (name: string) => last.metrics[name]! - steps[0]!.metrics[name]!;
    expect(0.5 * (gained('chosen') - gained('rejected'))).toBeCloseTo(last.metrics.margin!, 3);
  });

  test('moves the policy alone: the adapter that it began as stays', async () => {
    using one = made();
    const trees = Object.values(one.trees);
    const before = await Promise.all(trees.map(valuesIn));
    await trained(one.trainer, preferences, 3, { rate: 5e-3 });
    const after = await Promise.all(trees.map(valuesIn));
    const names = trees.map((_, i) => moved(before[i]!, after[i]!));
    expect(names[0]).toEqual([...after[0]!.keys()].sort());
    expect(names.slice(1)).toEqual([[], [], [], []]);
  });

  test('loses the same when layers are computed twice and logits come in parts', async () => {
    const losses = async (options: DpoTrainerOptions) => {
      using one = made({ ...options, noiseStrength: 0.1 });
      const steps = await trained(one.trainer, preferences, 3, { rate: 5e-3 });
      return steps.map(({ loss }) => loss);
    };
    expect(await losses({ checkpointed: true, chunkRows: 7 })).toEqual(await losses({}));
  });

  test('is the same in one batch and in several', async () => {
    const losses = async (batchSize: number) => {
      using one = made();
      const options = { rate: 5e-3, batchSize, accumulation: 6 / batchSize };
      return (await trained(one.trainer, preferences, 3, options)).map(({ loss }) => loss);
    };
    const [whole, parts] = [await losses(6), await losses(2)];
    for (const [i, loss] of parts.entries()) expect(loss).toBeCloseTo(whole[i]!, 4);
  });
});

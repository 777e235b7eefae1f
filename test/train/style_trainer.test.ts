import { describe, expect, test } from 'vitest';
import { Weights } from '../../lib/index.ts';
import { LoraAdapter } from '../../lib/models/lora.ts';
import { Draws } from '../../lib/train/draws.ts';
import type { TrainingReference } from '../../lib/train/style_reference.ts';
import { StyleTrainer, type StyleTrainerOptions } from '../../lib/train/style_trainer.ts';
import { colourPixels, conditioned, styleEncoder, transformer } from './small_pictures.ts';
import { fall, moved, trained, trainingDevice, valuesIn } from './trained.ts';

const device = await trainingDevice();
const styled = {
  length: 12,
  at: (i: number) => ({
    ...conditioned(i % 4, i % 3),
    reference: { pixels: colourPixels(i % 3) } as TrainingReference,
  }),
};
const never = { everything: 0, caption: 0, style: 0 };

function made(options: StyleTrainerOptions = {}) {
  const { dtype = 'f32' } = options;
  const { weights, model } = transformer(device, dtype);
  const { clip, resampler, encoder } = styleEncoder(device);
  const lora = Weights.fresh(device, { seed: 9, dtype: 'f32' });
  const adapter = LoraAdapter.of(lora, model);
  const parameters = [...resampler.entries(), ...lora.entries()];
  const trainer = new StyleTrainer(model, encoder, adapter, parameters, options);
  const trees = { weights, clip, resampler, lora };
  const dispose = () => {
    for (const tree of Object.values(trees)) tree.dispose();
  };
  return { ...trees, encoder, trainer, [Symbol.dispose]: dispose };
}

describe('the style trainer', () => {
  test.each(['f32', 'bf16'] as const)(
    'teaches the adapter the captions and the resampler the colours, and nothing else, in %s',
    async (dtype) => {
      using one = made({ dtype, dropout: never });
      const trees = [one.weights, one.clip, one.resampler, one.lora];
      const before = await Promise.all(trees.map(valuesIn));
      const steps = await trained(one.trainer, styled, 80, { rate: 2e-2 });
      const [first, last] = fall(steps);
      expect(first).toBeGreaterThan(2.5);
      expect(last).toBeLessThan(0.8);
      const after = await Promise.all(trees.map(valuesIn));
      const names = trees.map((_, i) => moved(before[i]!, after[i]!));
      expect(names.slice(0, 2)).toEqual([[], []]);
      expect(names[2]).toEqual([...after[2]!.keys()].sort());
      expect(names[3]).toEqual([...after[3]!.keys()].sort());
    },
  );

  test('names the matrices of the resampler, and none of the adapter', () => {
    using one = made();
    const names = one.resampler.entries().filter(([, { shape }]) => shape.length === 2);
    const layered = names.map(([name]) => name).filter((name) => name.startsWith('layers.'));
    expect(layered.length).toBeGreaterThan(0);
    expect([...one.trainer.matrices]).toEqual(layered);
  });

  test('numbers style rows by the resampler, however many places a prompt has for them', () => {
    using one = made({ dropout: never });
    const rows = one.encoder.resampler.outputs;
    const prepare = (styleIndex: readonly number[]) => {
      const examples = [0, 1].map((i) => {
        const example = styled.at(i);
        return { ...example, whole: { ...example.whole, styleIndex } };
      });
      const { batch } = one.trainer.prepare(examples, new Draws(3, 0));
      batch.features.dispose();
      batch.seeds.dispose();
      return [...batch.tokens.slots].filter((slot) => slot >= 0);
    };
    expect(rows).toBeGreaterThan(1);
    expect(prepare([2])).toEqual([0, rows]);
    const many = Array.from({ length: rows + 1 }, (_, i) => i);
    expect(prepare(many)).toEqual(Array.from({ length: 2 * rows }, (_, i) => i));
  });

  test('knows the colour by the style rows alone', async () => {
    const last = async (reference: (i: number) => TrainingReference) => {
      using one = made({ dropout: never });
      const data = {
        length: 12,
        at: (i: number) => ({ ...styled.at(i), reference: reference(i) }),
      };
      return fall(await trained(one.trainer, data, 80, { rate: 2e-2 }))[1];
    };
    const told = await last((i) => ({ pixels: colourPixels(i % 3) }));
    const untold = await last(() => ({ pixels: colourPixels(9) }));
    expect(untold).toBeGreaterThan(told + 0.2);
  });

  test('learns the same from features that were made before', async () => {
    using other = styleEncoderFeatures();
    const losses = async (reference: (i: number) => TrainingReference) => {
      using one = made();
      const data = {
        length: 12,
        at: (i: number) => ({ ...styled.at(i), reference: reference(i) }),
      };
      return (await trained(one.trainer, data, 3, { rate: 1e-2 })).map(({ loss }) => loss);
    };
    const features = await other.of([0, 1, 2].map(colourPixels));
    expect(await losses((i) => ({ features: features[i % 3]! }))).toEqual(
      await losses((i) => ({ pixels: colourPixels(i % 3) })),
    );
  });

  test('puts noise on the style rows, another for every step', async () => {
    const losses = async (noiseStrength: number) => {
      using one = made({ noiseStrength, dropout: never });
      return (await trained(one.trainer, styled, 2, { rate: 0 })).map(({ loss }) => loss);
    };
    const [clean, noisy] = [await losses(0), await losses(1)];
    // Batches of the same examples in another order are off by roundings.
    expect(Math.abs(clean[1]! - clean[0]!)).toBeLessThan(1e-5);
    expect(Math.abs(noisy[0]! - clean[0]!)).toBeGreaterThan(1e-4);
    expect(Math.abs(noisy[1]! - noisy[0]!)).toBeGreaterThan(1e-4);
  });

  test('scatters as many references as it is told to', async () => {
    const losses = async (scatter: number) => {
      using one = made({ scatter, noiseStrength: 0, dropout: never });
      return (await trained(one.trainer, styled, 3, { rate: 0 })).map(({ loss }) => loss);
    };
    const [none, some, all] = [await losses(0), await losses(0.5), await losses(1)];
    for (let step = 0; step < 3; step++) {
      expect(Math.abs(all[step]! - none[step]!)).toBeGreaterThan(1e-5);
      expect(Math.abs(some[step]! - all[step]!)).toBeGreaterThan(1e-6);
    }
    expect(await losses(1)).toEqual(all);
    using odd = made({ scatter: 1 });
    const wrong = { ...styled.at(0), reference: { pixels: new Float32Array(5) } };
    await expect(
      trained(odd.trainer, { length: 1, at: () => wrong }, 1, { rate: 0 }),
    ).rejects.toThrow('styleFeatures: expected pixels of every reference to be 192 values, got 5');
  });

  test('gives the resampler no gradient where the style is left out', async () => {
    using one = made({ dropout: { ...never, style: 1 } });
    const before = await valuesIn(one.resampler);
    await trained(one.trainer, styled, 1, { rate: 1e-2 });
    expect(moved(before, await valuesIn(one.resampler))).toEqual([]);
  });

  test('says which reference is not like the first', async () => {
    using one = made();
    const odd = {
      length: 2,
      at: (i: number) => ({
        ...styled.at(i),
        reference: { pixels: new Float32Array(i ? 5 : 192) },
      }),
    };
    await expect(trained(one.trainer, odd, 1, { rate: 0 })).rejects.toThrow(
      'styleFeatures: expected pixels of every reference to be 192 values, got 5 in reference',
    );
  });
});

/** What CLIP makes of pictures, one at a time. */
function styleEncoderFeatures() {
  const { clip, resampler, encoder } = styleEncoder(device);
  const of = (pictures: readonly Float32Array[]) =>
    Promise.all(
      pictures.map(async (values) => {
        const pixels = device.from(values, [1, 8, 8, 3]);
        const features = encoder.features(pixels);
        const read = (await features.read()) as Float32Array;
        pixels.dispose();
        features.dispose();
        return read;
      }),
    );
  const dispose = () => {
    clip.dispose();
    resampler.dispose();
  };
  return { of, [Symbol.dispose]: dispose };
}

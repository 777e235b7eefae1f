import { describe, expect, test } from 'vitest';
import { drawSamples } from '../../lib/train/draw_samples.ts';
import { LanguageTrainer } from '../../lib/train/language_trainer.ts';
import { Training } from '../../lib/train/loop.ts';
import { conditioned, sequence, transformer } from './small_pictures.ts';
import { trainingDevice } from './trained.ts';

const device = await trainingDevice();
const codes = [20, 40] as const;

describe('samples that are drawn', () => {
  test('change codes alone, and are the same for a seed', async () => {
    const { weights, model } = transformer(device);
    using _ = weights;
    const sequences = [sequence(0, 1), sequence(2, 0, 20)];
    const drawn = await drawSamples(model, sequences, { codes, seed: 1 });
    for (const [i, ids] of drawn.entries()) {
      const { ids: given, labels } = sequences[i]!;
      for (const [t, id] of ids.entries()) {
        if (labels[t]! < codes[0]) expect(id).toBe(given[t]);
        else expect(id).toBeGreaterThanOrEqual(codes[0]);
      }
    }
    expect(await drawSamples(model, sequences, { codes, seed: 1 })).toEqual(drawn);
    expect(await drawSamples(model, sequences, { codes, seed: 2 })).not.toEqual(drawn);
  });

  test('are the pictures of their captions once these are learned', async () => {
    const { weights, model } = transformer(device);
    using _ = weights;
    // The colour follows from the word here: nothing else says it.
    const examples = [0, 1, 2].map((word) => conditioned(word, word));
    const dropout = { style: 0, caption: 0, everything: 0 };
    const trainer = new LanguageTrainer(model, weights.entries(), { dropout });
    using training = new Training(
      trainer,
      { length: 3, at: (i) => examples[i]! },
      { schedule: { epochs: 150, rate: 1e-2, minRate: 1e-3, warmupEpochs: 5 }, batchSize: 3 },
    );
    for await (const _step of training.steps());
    const whole = examples.map(({ whole }) => whole);
    const drawn = await drawSamples(model, whole, { codes, seed: 3 });
    expect(drawn).toEqual(whole.map(({ ids }) => ids));
  });

  test('read style rows in their places', async () => {
    const { weights, model } = transformer(device);
    using _ = weights;
    // Fresh matrices are so small that noise decides alone.
    for (const [name, matrix] of weights.entries())
      if (matrix.shape.length === 2)
        matrix.write((await matrix.read()).map((value) => (/head/.test(name) ? 200 : 10) * value));
    const sequences = [sequence(0, 1), sequence(0, 1)];
    using none = device.zeros([2, 2, 16]);
    using some = device.from(
      Float32Array.from({ length: 64 }, (_, i) => (i < 32 ? 0 : Math.sin(i))),
      [2, 2, 16],
    );
    const styled = await drawSamples(model, sequences, { codes, seed: 1, style: some });
    const same = await drawSamples(model, sequences, { codes, seed: 1, style: none });
    expect(styled[0]).toEqual(same[0]);
    expect(styled[1]).not.toEqual(same[1]);
  });
});

import { describe, expect, test } from 'vitest';
import { scope } from '../../lib/index.ts';
import { batchStates } from '../../lib/train/batch_states.ts';
import { Draws } from '../../lib/train/draws.ts';
import { LanguageTrainer, type SequenceLossOptions } from '../../lib/train/language_trainer.ts';
import { nextTokenLoss } from '../../lib/train/next_token_loss.ts';
import { tokenBatch } from '../../lib/train/token_batch.ts';
import { conditioned, transformer } from './small_pictures.ts';
import { fall, moved, trained, trainingDevice, valuesIn } from './trained.ts';

const device = await trainingDevice();
const captions = { length: 12, at: (i: number) => conditioned(i % 4, i % 3) };
const all = Array.from({ length: 12 }, (_, i) => captions.at(i));

function made(options: SequenceLossOptions = {}, dtype: 'f32' | 'bf16' = 'f32') {
  const { weights, model } = transformer(device, dtype);
  const trainer = new LanguageTrainer(model, weights.entries(), { dtype, ...options });
  return { weights, model, trainer, [Symbol.dispose]: () => weights.dispose() };
}

describe('the language trainer', () => {
  test.each(['f32', 'bf16'] as const)(
    'learns to write pictures of captions, and moves every tensor, in %s',
    async (dtype) => {
      using one = made({}, dtype);
      const before = await valuesIn(one.weights);
      const lengths = Int32Array.from(all, ({ whole }) => whole.ids.length);
      const options = { rate: 1e-2, batchSize: 4, lengths, chunkBatches: 1 };
      const steps = await trained(one.trainer, captions, 60, options);
      const [first, last] = fall(steps);
      // The word says all that is asked, but what is the colour's: every third of a code.
      expect(first).toBeGreaterThan(2.5);
      expect(last).toBeLessThan(1);
      const after = await valuesIn(one.weights);
      expect(moved(before, after)).toEqual([...after.keys()].sort());
    },
  );

  test('has the loss of the sequences that the draws leave', async () => {
    const dropout = { everything: 0.4, caption: 0.3, style: 0.3 };
    using one = made({ dropout, zLoss: 1e-3 });
    const draws = new Draws(3, 0);
    const { batch, weight } = one.trainer.prepare(all, draws);
    const kinds = all.map((example, i) => {
      const draw = draws.uniform('condition', i);
      if (draw < 0.4) return example.imageOnly;
      return draw < 0.7 ? example.withoutCaption : { ...example.whole, styleIndex: undefined };
    });
    expect(new Set(kinds.map((kind) => kind.ids.length)).size).toBeGreaterThan(2);
    const expected = tokenBatch(kinds);
    expect(batch).toEqual(expected);
    expect(weight).toBe(expected.labelCount);
    const value = (loss: () => ReturnType<typeof nextTokenLoss>) => {
      const tensor = scope(loss);
      return tensor.read().then((values) => {
        tensor.dispose();
        return values[0];
      });
    };
    const by = await value(() => one.trainer.loss(batch).loss);
    const definition = await value(() => {
      const states = batchStates(one.model, expected);
      const labels = device.from(expected.nextLabels);
      return nextTokenLoss(one.model.head, states, labels, expected.labelCount, { zLoss: 1e-3 });
    });
    expect(by).toBe(definition);
  });

  test('loses the same when layers are computed twice and logits come in parts', async () => {
    const losses = async (options: SequenceLossOptions) => {
      using one = made(options);
      const steps = await trained(one.trainer, captions, 4, { rate: 1e-2 });
      return steps.map(({ loss }) => loss);
    };
    expect(await losses({ checkpointed: true, chunkRows: 10 })).toEqual(await losses({}));
  });

  test('cuts what is too long', () => {
    using one = made({ maxTokens: 9, dropout: { everything: 0, caption: 0, style: 0 } });
    expect(one.trainer.prepare(all, new Draws(1, 0)).batch.tokens).toBe(9);
  });
});

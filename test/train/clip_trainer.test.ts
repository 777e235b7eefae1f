import { describe, expect, test } from 'vitest';
import { scope, Weights } from '../../lib/index.ts';
import { Clip } from '../../lib/models/clip.ts';
import { ClipTrainer } from '../../lib/train/clip_trainer.ts';
import { normal } from '../support/numbers.ts';
import { expectRefusal } from '../support/op_case.ts';
import { fall, moved, trained, trainingDevice, valuesIn } from './trained.ts';

const device = await trainingDevice();
const tower = {
  width: 16,
  layers: 2,
  heads: 2,
  inner: 32,
  activation: 'gelu',
  normEps: 1e-5,
  projection: 12,
} as const;
const config = {
  vision: { ...tower, patch: 4, imageSize: 8 },
  text: { ...tower, vocabulary: 20, positions: 5, eosId: 19 },
};

/** Eight pictures of noise, each with a word and padding of its own length. */
const pairs = {
  length: 8,
  at: (i: number) => ({
    pixels: Float32Array.from({ length: 8 * 8 * 3 }, normal(i)),
    ids: [18, i, ...(i % 2 ? [i + 1] : []), 19],
  }),
};

function made() {
  const weights = Weights.fresh(device, { seed: 2 });
  const clip = new Clip(weights, config);
  const trainer = new ClipTrainer(clip, weights.entries());
  return { weights, clip, trainer, [Symbol.dispose]: () => weights.dispose() };
}

describe('the CLIP trainer', () => {
  test('finds pictures by their texts and texts by their pictures, and moves every tensor', async () => {
    using one = made();
    const before = await valuesIn(one.weights);
    const steps = await trained(one.trainer, pairs, 40, { rate: 3e-3 });
    const [first, last] = fall(steps, 1);
    // Nothing is known at first: one of eight.
    expect(first).toBeGreaterThan(1);
    expect(last).toBeLessThan(0.1);
    expect(steps[0]!.metrics.scale).toBeCloseTo(1 / 0.07, 3);
    const after = await valuesIn(one.weights);
    const still = [...after.keys()].filter((name) => !moved(before, after).includes(name));
    expect(still).toEqual([]);
  });

  test('has the mean of both cross-entropies for a loss', async () => {
    using one = made();
    const [step] = await trained(one.trainer, pairs, 1, { rate: 0 });
    const logits = scope(() => {
      const { batch } = one.trainer.prepare(Array.from({ length: 8 }, (_, i) => pairs.at(i)));
      const { pixels, ids, ends } = batch;
      return one.clip.logits(one.clip.embedImages(pixels), one.clip.embedTexts(ids, ends));
    });
    const values = await logits.read();
    logits.dispose();
    const at = (i: number, t: number) => values[8 * i + t]!;
    const all = [0, 1, 2, 3, 4, 5, 6, 7];
    const lse = (row: number[]) => Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0));
    const byImage = all.map((i) => lse(all.map((t) => at(i, t))) - at(i, i));
    const byText = all.map((t) => lse(all.map((i) => at(i, t))) - at(t, t));
    const mean = [...byImage, ...byText].reduce((a, b) => a + b) / 16;
    expect(step!.loss).toBeCloseTo(mean, 4);
  });

  test('does not let the scale grow over 100', async () => {
    using one = made();
    one.clip.logitScale.write([Math.log(150)]);
    await trained(one.trainer, pairs, 1, { rate: 1e-4 });
    expect([...(await one.clip.logitScale.read())]).toEqual([Math.fround(Math.log(100))]);
  });

  test('refuses pixels of another size', () => {
    using one = made();
    const small = { ...pairs.at(1), pixels: new Float32Array(4 * 4 * 3) };
    expectRefusal(
      () => one.trainer.prepare([pairs.at(0), small]),
      'ERR_VALUE',
      'ClipTrainer: expected pixels of every example to be 192 values, got 48 in example 1',
    );
  });
});

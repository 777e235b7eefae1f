import { describe, expect, test } from 'vitest';
import { heldOutFigures } from '../../lib/train/held_out.ts';
import type { Trainer } from '../../lib/train/trainer.ts';
import { trainingDevice } from './trained.ts';

const device = await trainingDevice();

/** Its loss is the mean of a batch plus a draw; batches weigh the sum of their examples. */
const trainer = (noise: number): Trainer<number, { mean: number }> => ({
  device,
  parameters: [],
  prepare: (examples, draws) => {
    const sum = examples.reduce((a, b) => a + b, 0);
    const mean = sum / examples.length + noise * draws.uniform('noise');
    return { batch: { mean }, weight: sum };
  },
  loss: ({ mean }) => ({
    loss: device.from([mean]),
    metrics: { twice: device.from([2 * mean]) },
  }),
});
const examples = { length: 5, at: (index: number) => index + 1 };

describe('held-out figures', () => {
  test('are means by the weight of batches, the last one smaller', async () => {
    const figures = await heldOutFigures(trainer(0), examples, { batchSize: 2, seed: 0 });
    // Batches 1 and 2, 3 and 4, and 5.
    const loss = (3 * 1.5 + 7 * 3.5 + 5 * 5) / 15;
    expect(figures.loss).toBeCloseTo(loss, 5);
    expect(figures.twice).toBeCloseTo(2 * loss, 5);
  });

  test('are the same every time, noise included, and another with another seed', async () => {
    const figures = (seed: number) => heldOutFigures(trainer(1), examples, { batchSize: 2, seed });
    expect(await figures(3)).toEqual(await figures(3));
    expect((await figures(4)).loss).not.toBe((await figures(3)).loss);
  });

  test('take the loss that notes nothing, where there is one', async () => {
    const noted = { ...trainer(0), heldOutLoss: () => ({ loss: device.from([9]) }) };
    expect(await heldOutFigures(noted, examples, { batchSize: 5, seed: 0 })).toEqual({ loss: 9 });
  });
});

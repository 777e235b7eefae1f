import { describe, expect, test } from 'vitest';
import { BatchOrder, shuffled } from '../../lib/train/order.ts';
import { expectRefusal } from '../support/op_case.ts';

const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('the order of examples', () => {
  test('has each once in an epoch, and differs from epoch to epoch', () => {
    const order = shuffled(100, 3);
    expect(sorted(order.epoch(0))).toEqual(upTo(100));
    expect(sorted(order.epoch(1))).toEqual(upTo(100));
    expect([...order.epoch(0)]).not.toEqual([...order.epoch(1)]);
    expect([...order.epoch(0)]).not.toEqual([...shuffled(100, 4).epoch(0)]);
  });

  test('is cut into batches, and what is left over is left out', () => {
    const batches = new BatchOrder(shuffled(11, 3), { batchSize: 3, seed: 3 });
    expect(batches.stepsPerEpoch).toBe(3);
    const epoch = [0, 1, 2].flatMap((step) => [...batches.batch(step)]);
    expect(new Set(epoch).size).toBe(9);
    expect(epoch).toEqual([...shuffled(11, 3).epoch(0)].slice(0, 9));
  });

  test('of a step does not depend on which steps were asked for before', () => {
    const made = () => new BatchOrder(shuffled(50, 1), { batchSize: 4, seed: 1 });
    const inTurn = made();
    for (let step = 0; step < 30; step++) inTurn.batch(step);
    expect([...inTurn.batch(29)]).toEqual([...made().batch(29)]);
    expect([...inTurn.batch(2)]).toEqual([...made().batch(2)]);
  });

  test('puts examples of about the same length together', () => {
    const lengths = Int32Array.from({ length: 400 }, (_, i) => (i * 7919) % 400);
    const spread = (options: object) => {
      const batches = new BatchOrder(shuffled(400, 2), { batchSize: 4, seed: 2, ...options });
      const all = upTo(100).map((step) => [...batches.batch(step)]);
      expect(sorted(all.flat())).toEqual(upTo(400));
      const widths = all.map((batch) => {
        const of = batch.map((i) => lengths[i]!);
        return Math.max(...of) - Math.min(...of);
      });
      return { widest: Math.max(...widths), first: all.map((batch) => lengths[batch[0]!]!) };
    };
    expect(spread({}).widest).toBeGreaterThan(300);
    const clustered = spread({ lengths, chunkBatches: 5 });
    expect(clustered.widest).toBeLessThan(20);
    // Batches themselves come in any order.
    expect(clustered.first).not.toEqual(sorted(clustered.first));
  });

  test('leaves out others in each epoch, whatever their lengths are', () => {
    // The last chunk would be the 6 longest, less than a batch.
    const lengths = upTo(70);
    const batches = new BatchOrder(shuffled(70, 7), {
      ...{ batchSize: 16, seed: 7, lengths, chunkBatches: 1 },
    });
    const seen = new Set(upTo(40 * batches.stepsPerEpoch).flatMap((s) => [...batches.batch(s)]));
    expect(sorted(seen)).toEqual(upTo(70));
  });

  test('refuses batches larger than an epoch', () => {
    expectRefusal(
      () => new BatchOrder(shuffled(3, 0), { batchSize: 4, seed: 0 }),
      'ERR_INPUT',
      'BatchOrder: expected examples to be at least the 4 of a batch, got 3. Add data, or take ' +
        'smaller batches.',
    );
  });
});

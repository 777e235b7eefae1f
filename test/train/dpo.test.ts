import { expect, test } from 'vitest';
import { gradients, scope, Weights } from '../../lib/index.ts';
import { LmHead } from '../../lib/models/lm_head.ts';
import { dpoLoss, sequenceLogProbs } from '../../lib/train/dpo.ts';
import { tokenLosses } from '../../lib/train/token_losses.ts';
import { given, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectSameBits, take, upload } from '../support/op_case.ts';

onEveryDevice('preferences', (device) => {
  test('have log-probabilities that sum over the tokens of each sequence', async () => {
    using w = Weights.fresh(device);
    const head = new LmHead(w, 4, 7);
    const hidden = input([3, 5, 4], 1);
    const labels = given([1, 2, -1, -1, -1, 6, 0, 5, -1, 3, -1, -1, -1, -1, -1]);
    const run = (options: object) =>
      take(
        scope(() =>
          sequenceLogProbs(head, upload(device, hidden), upload(device, labels), options),
        ),
      );
    const each = await take(
      scope(() => tokenLosses(head, upload(device, hidden), upload(device, labels))),
    );
    const sums = [0, 1, 2].map((s) => -each.subarray(5 * s, 5 * s + 5).reduce((a, b) => a + b, 0));
    const got = await run({});
    expectClose(got, sums, 8);
    expect(got[2]! + 0).toBe(0);
    expectSameBits([await run({ chunkRows: 4 })], [got]);
  });

  // chosen, rejected, and both of the reference
  const logProbs = [
    [-3, -40],
    [-5, -30.5],
    [-2, -42],
    [-4, -30],
  ] as const;
  const beta = 0.5;
  const margins = [0, 1].map((i) => {
    const [chosen, rejected, chosenBefore, rejectedBefore] = logProbs.map((pair) => pair[i]!);
    return beta * (chosen! - chosenBefore! - (rejected! - rejectedBefore!));
  });

  test('lose by how little the margin grew', async () => {
    const { loss, margin } = scope(() => {
      const [chosen, rejected, ...reference] = logProbs.map((pair) => device.from([...pair]));
      const before = { chosen: reference[0]!, rejected: reference[1]! };
      return dpoLoss({ chosen: chosen!, rejected: rejected! }, before, { beta });
    });
    expectClose(await take(margin), margins, 4);
    const losses = margins.map((value) => Math.log1p(Math.exp(-value)));
    expectClose(await take(loss), [(losses[0]! + losses[1]!) / 2], 4);
  });

  test('push the chosen answer up as much as the other down', async () => {
    const taken = scope(() => {
      const [chosen, rejected, ...reference] = logProbs.map((pair) => device.from([...pair]));
      const before = { chosen: reference[0]!, rejected: reference[1]! };
      return gradients(
        () => dpoLoss({ chosen: chosen!, rejected: rejected! }, before, { beta }).loss,
        [chosen!, rejected!],
      );
    });
    const [up, down] = await Promise.all(taken.map(take));
    const slopes = margins.map((value) => -beta / (1 + Math.exp(value)) / 2);
    expectClose(up!, slopes, 8);
    expectClose(
      down!,
      slopes.map((slope) => -slope),
      8,
    );
  });

  test('cost a beta of 0.1 unless told, and log 2 before training', async () => {
    const run = (chosen: number) =>
      take(
        scope(() => {
          const zero = () => device.from([0]);
          const policy = { chosen: device.from([chosen]), rejected: zero() };
          return dpoLoss(policy, { chosen: zero(), rejected: zero() }).loss;
        }),
      );
    expectClose(await run(0), [Math.LN2], 2);
    expectClose(await run(3), [Math.log1p(Math.exp(-0.3))], 4);
  });
});

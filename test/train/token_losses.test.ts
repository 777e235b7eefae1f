import { expect, test } from 'vitest';
import { gradients, scope, sum, Weights } from '../../lib/index.ts';
import { LmHead } from '../../lib/models/lm_head.ts';
import { nextTokenLoss } from '../../lib/train/next_token_loss.ts';
import { tokenLosses } from '../../lib/train/token_losses.ts';
import { product, rowsOf } from '../support/layers.ts';
import { given, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectRefusal, expectSameBits, take, upload } from '../support/op_case.ts';

const [dim, vocabulary] = [6, 11];
const hidden = input([2, 4, dim], 1);
const weight = input([vocabulary, dim], 2);
const labels = given([3, -1, 0, 10, -1, -100, 7, 3]);
const counted = 5;

/** Of each row: minus the log-probability of its label, and its log of the normaliser. */
const rows = product(rowsOf(hidden.values, dim), weight.values).map((logits, row) => {
  const lse = Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0));
  const label = labels.values[row]!;
  return label < 0 ? { loss: 0, lse: 0 } : { loss: lse - logits[label]!, lse };
});

onEveryDevice('losses of tokens', (device) => {
  const headOf = (w: Weights) => {
    const head = new LmHead(w, dim, vocabulary);
    w.tensor('weight', [vocabulary, dim]).write(weight.values);
    return head;
  };

  test('are minus the log-probability of each label, and 0 where none counts', async () => {
    using w = Weights.fresh(device);
    const head = headOf(w);
    const got = await take(
      scope(() =>
        tokenLosses(head, upload(device, hidden), upload(device, labels), { zLoss: 0.5 }),
      ),
    );
    expectClose(
      got,
      rows.map(({ loss, lse }) => loss + 0.5 * lse ** 2),
      16,
    );
    expect(rows.flatMap(({ loss }, i) => (loss === 0 ? [got[i]] : []))).toEqual([0, 0, 0]);
  });

  test.each([1, 3, 4, 7])(
    'are the same in parts of %d rows, as are gradients',
    async (chunkRows) => {
      using w = Weights.fresh(device);
      const head = headOf(w);
      const run = (options: object) =>
        Promise.all(
          scope(() => {
            const x = upload(device, hidden);
            const losses = () => tokenLosses(head, x, upload(device, labels), options);
            return [losses(), ...gradients(() => sum(losses()), [x])];
          }).map(take),
        );
      expectSameBits(await run({ chunkRows, zLoss: 0.1 }), await run({ zLoss: 0.1 }));
    },
  );

  test('have the mean over those that count', async () => {
    using w = Weights.fresh(device);
    const head = headOf(w);
    const [loss] = await take(
      scope(() =>
        nextTokenLoss(head, upload(device, hidden), upload(device, labels), counted, {
          zLoss: 0.5,
        }),
      ),
    );
    const total = rows.reduce((sum, { loss, lse }) => sum + loss + 0.5 * lse ** 2, 0);
    expectClose([loss!], [total / counted], 16);
    expectRefusal(
      () => nextTokenLoss(head, device.zeros([1, dim]), device.zeros([1], 'i32'), 0),
      'ERR_VALUE',
      'nextTokenLoss: expected labelCount to be at least 1, got 0',
    );
  });
});

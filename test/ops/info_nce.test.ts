import { test } from 'vitest';
import { infoNce, l2Normalise } from '../../lib/index.ts';
import { given, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
} from '../support/op_case.ts';

/** Cross-entropy of finding key `labels[i]` by the cosine with query `i`. */
function definition(q: Float64Array, k: Float64Array, labels: readonly number[], dim: number) {
  const unit = (x: Float64Array, r: number) => {
    const row = x.subarray(r * dim, r * dim + dim);
    const length = Math.sqrt(row.reduce((sum, v) => sum + v * v, 0));
    return row.map((v) => v / length);
  };
  return Float64Array.from(labels, (label, i) => {
    const query = unit(q, i);
    const scores = Array.from(
      { length: k.length / dim },
      (_, j) => unit(k, j).reduce((sum, v, c) => sum + v * query[c]!, 0) / 0.07,
    );
    return Math.log(scores.reduce((sum, s) => sum + Math.exp(s), 0)) - scores[label]!;
  });
}

onEveryDevice('infoNce', (device) => {
  // Similarities are divided by 0.07 and then cancel against the log-sum.
  const roundings = 200;

  test('is its definition, and has its gradient', async () => {
    const of: OpCase = {
      inputs: [input([5, 11], 1), input([5, 11], 2)],
      op: (q, k) => infoNce(l2Normalise(q!), l2Normalise(k!)),
      definition: (q, k) => definition(q!, k!, [0, 1, 2, 3, 4], 11),
      roundings,
    };
    await expectDefinition(device, of);
    await expectGradient(device, of);
  });

  test('takes labels and more keys than queries', () =>
    expectDefinition(device, {
      roundings,
      inputs: [input([3, 6], 1), input([7, 6], 2), given([6, 0, 2])],
      op: (q, k, labels) => infoNce(l2Normalise(q!), l2Normalise(k!), { labels: labels! }),
      definition: (q, k) => definition(q!, k!, [6, 0, 2], 6),
    }));

  test('refuses what does not fit', () => {
    expectRefusal(
      () => infoNce(device.tensor([2, 3]), device.tensor([2, 4])),
      'ERR_SHAPE',
      'matmul: expected b to be [2, 3], got [2, 4]',
    );
  });
});

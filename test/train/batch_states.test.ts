import { expect, test } from 'vitest';
import { gradients, scope, sum, type Tensor, Weights } from '../../lib/index.ts';
import { Chameleon } from '../../lib/models/chameleon.ts';
import { batchStates } from '../../lib/train/batch_states.ts';
import { tokenBatch } from '../../lib/train/token_batch.ts';
import { input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectSameBits, take, upload } from '../support/op_case.ts';

const shape = {
  vocabulary: 9,
  layers: 2,
  dim: 8,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  inner: 12,
  normEps: 1e-5,
  ropeTheta: 1e4,
  swinNorm: false,
};
const sequences = [
  { ids: [0, 5, 5, 7, 8], labels: [-1, -1, -1, 7, 8], styleIndex: [1, 2] },
  { ids: [0, 3, 5, 5], labels: [-1, -1, -1, 5], styleIndex: [2, 3] },
];
const style = input([2, 2, 8], 3);

onEveryDevice('batchStates', (device) => {
  const states = (w: Weights, of: typeof sequences, rows?: typeof style, options: object = {}) => {
    const model = new Chameleon(w, shape);
    return batchStates(model, tokenBatch(of), { style: rows && upload(device, rows), ...options });
  };

  test('are of each sequence by itself, with its own style rows', async () => {
    using w = Weights.fresh(device, { seed: 5 });
    const together = await take(scope(() => states(w, sequences, style)));
    const second = { ...style, shape: [1, 2, 8], values: style.values.subarray(16) };
    const alone = await take(scope(() => states(w, sequences.slice(1), second)));
    expectSameBits([together.subarray(40, 40 + 32)], [alone]);
  });

  test('are as without style rows where these are what the table has', async () => {
    using w = Weights.fresh(device, { seed: 5 });
    const plain = await take(scope(() => states(w, sequences)));
    const table = Float64Array.from(await new Chameleon(w, shape).embedding.weight.read());
    const row = [...table.subarray(5 * 8, 6 * 8)];
    const same = { ...style, values: Float64Array.from([...row, ...row, ...row, ...row]) };
    expectSameBits([await take(scope(() => states(w, sequences, same)))], [plain]);
  });

  test('are in the dtype that is asked for, whatever the style is in', () => {
    using w = Weights.fresh(device, { dtype: 'bf16' });
    scope(() => {
      expect(states(w, sequences, style, { dtype: 'bf16' }).dtype).toBe('bf16');
      expect(states(w, sequences, undefined, { dtype: 'bf16' }).dtype).toBe('bf16');
      expect(states(w, sequences).dtype).toBe('f32');
    });
  });

  test('have the same gradients in less memory when layers are computed twice', async () => {
    using w = Weights.fresh(device, { seed: 5 });
    const model = new Chameleon(w, shape);
    const taken = async (checkpointed: boolean) => {
      let bytes = 0;
      const grads = scope(() => {
        const rows = upload(device, style);
        const loss = (): Tensor => {
          const total = sum(
            batchStates(model, tokenBatch(sequences), { style: rows, checkpointed }),
          );
          bytes = device.memory().liveBytes;
          return total;
        };
        return gradients(loss, [rows, model.norm.weight]);
      });
      return { values: await Promise.all(grads.map(take)), bytes };
    };
    const [plain, twice] = [await taken(false), await taken(true)];
    expectSameBits(twice.values, plain.values);
    expect(twice.bytes).toBeLessThan(plain.bytes);
  });
});

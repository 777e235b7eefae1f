import { join } from 'node:path';
import { z } from 'zod';
import { valueAndGradients } from '../autograd/gradients.ts';
import type { Chameleon } from '../models/chameleon.ts';
import { applyLora, LoraAdapter } from '../models/lora.ts';
import { openChameleon } from '../models/open_chameleon.ts';
import { concat, slice } from '../ops/copy_slice.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { batchStates } from '../train/batch_states.ts';
import { dpoLoss, type PairLogProbs, sequenceLogProbs } from '../train/dpo.ts';
import { type TokenBatch, tokenBatch } from '../train/token_batch.ts';
import { Weights } from '../weights/weights.ts';
import { type Context, compareExactly, compareTensor, multipleOf, type Verifier } from './check.ts';

const rows = z.array(z.array(z.number().int()));
const batchSchema = z.object({
  input_ids: rows,
  labels: rows,
  style_index: rows,
  beta: z.number(),
  pairs: z.number().int(),
});

const expected = 'expected.safetensors';

/** Log-probabilities of sequences, the loss of preferred pairs and its gradients. */
export const verifyDpo: Verifier = async function* (fixture, { device, dtype }) {
  const multiple = multipleOf(dtype);
  const given = batchSchema.parse(fixture.json('batch.json'));
  const batch = tokenBatch(
    given.input_ids.map((ids, s) => ({
      ids,
      labels: given.labels[s]!,
      styleIndex: given.style_index[s],
    })),
  );
  yield compareExactly('label_count', labelCounts(batch), [
    ...fixture.tensor(expected, 'label_count').values,
  ]);

  using opened = openChameleon(join(fixture.beside('chameleon'), 'ckpt'), device, { dtype });
  using lora = Weights.open(fixture.path('lora.safetensors'), device, { dtype: 'f32' });
  const { model } = opened;
  const adapter = LoraAdapter.of(lora, model);
  const { shape, values } = fixture.tensor('inputs.safetensors', 'style');
  using style = device.from(values, shape);
  const wrt = [['style', style] as const, ...lora.entries()];

  const got = scope(() => {
    const reference_logp = logProbs(model, batch, style, dtype);
    applyLora(model, adapter);
    const reference = pairsOf(reference_logp, given.pairs);
    const run = (policy: Tensor) => dpoLoss(pairsOf(policy, given.pairs), reference, given);
    const policy_logp = logProbs(model, batch, style, dtype);
    const taken = valueAndGradients(
      () => run(logProbs(model, batch, style, dtype)).loss,
      wrt.map(([, tensor]) => tensor),
    );
    const { margin } = run(policy_logp);
    const compared = { reference_logp, policy_logp, scaled_margin: margin, loss: taken.value };
    return { compared, gradients: taken.gradients };
  });
  applyLora(model, undefined);

  for (const [name, tensor] of Object.entries(got.compared)) {
    yield await compareTensor(fixture, expected, name, tensor, multiple);
    tensor.dispose();
  }
  for (const [i, [name]] of wrt.entries()) {
    yield await compareTensor(fixture, 'gradients.safetensors', name, got.gradients[i]!, multiple);
    got.gradients[i]!.dispose();
  }
};

/** Of the model as it is: with its adapter, or without one. */
function logProbs(
  model: Chameleon,
  batch: TokenBatch,
  style: Tensor,
  dtype: Context['dtype'],
): Tensor {
  // A pair has one style, for the chosen answer and for the rejected one.
  const hidden = batchStates(model, batch, { style: concat([style, style]), dtype });
  return sequenceLogProbs(model.head, hidden, style.device.from(batch.nextLabels));
}

/** The chosen answers come first, then the rejected ones. */
const pairsOf = (logProbs: Tensor, pairs: number): PairLogProbs => ({
  chosen: slice(logProbs, 0, pairs),
  rejected: slice(logProbs, pairs),
});

function labelCounts({ sequences, tokens, nextLabels }: TokenBatch): number[] {
  return Array.from({ length: sequences }, (_, s) => {
    const labels = nextLabels.subarray(s * tokens, (s + 1) * tokens);
    return labels.reduce((sum, label) => sum + (label >= 0 ? 1 : 0), 0);
  });
}

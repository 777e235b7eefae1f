/** A step of a trainer with all that it has of its own: norms of queries and keys, z-loss, clipping, masters. */

import { valueAndGradients } from '../../lib/autograd/gradients.ts';
import { scope, Weights } from '../../lib/index.ts';
import { Chameleon } from '../../lib/models/chameleon.ts';
import { Draws } from '../../lib/train/draws.ts';
import { LanguageTrainer } from '../../lib/train/language_trainer.ts';
import { Optimizer } from '../../lib/train/optimizer.ts';
import type { OpCase } from './case.ts';

const shape = {
  ...{ layers: 6, dim: 256, heads: 4, kvHeads: 4, headDim: 64, inner: 704, vocabulary: 1280 },
  ...{ normEps: 1e-5, ropeTheta: 1e4, swinNorm: false },
};
const [sequences, tokens] = [8, 256];

function languageCase(): OpCase {
  const { layers, dim, inner, vocabulary } = shape;
  const weights = layers * (4 * dim * dim + 3 * dim * inner) + vocabulary * dim;
  const scores = layers * sequences * (tokens * (tokens + 1)) * dim;
  return {
    op: 'step of LanguageTrainer',
    shape: `${layers} layers x ${dim}, ${sequences} x ${tokens} tokens`,
    dtype: 'bf16',
    work: 3 * (2 * sequences * tokens * weights + 2 * scores),
    limit: 'bf16',
    prepare(device) {
      const w = Weights.fresh(device, { dtype: 'bf16' });
      const model = new Chameleon(w, shape);
      const trainer = new LanguageTrainer(model, w.entries(), { dtype: 'bf16', zLoss: 1e-5 });
      const optimizer = new Optimizer(trainer.parameters, { maxNorm: 1, decay: 0.1 });
      optimizer.setRate(1e-4);
      const examples = Array.from({ length: sequences }, (_, s) => {
        const ids = Array.from({ length: tokens }, (_, i) => (i * 31 + s) % vocabulary);
        const sequence = { ids, labels: ids };
        return { whole: sequence, withoutCaption: sequence, imageOnly: sequence };
      });
      const { batch } = trainer.prepare(examples, new Draws(0, 0));
      const parameters = trainer.parameters.map(([, parameter]) => parameter);
      return () =>
        scope(() => {
          const { gradients } = valueAndGradients(() => trainer.loss(batch).loss, parameters);
          optimizer.step(gradients);
        });
    },
  };
}

export const trainingCases: readonly OpCase[] = [languageCase()];

/** A step of the base: the whole transformer moves. */

import { Weights } from '../../lib/index.ts';
import { Chameleon } from '../../lib/models/chameleon.ts';
import { type ChameleonConfig, readChameleonConfig } from '../../lib/models/config/chameleon.ts';
import { LanguageTrainer } from '../../lib/train/language_trainer.ts';
import { drawings } from './drawings.ts';
import { sequencesOf, side } from './sequences.ts';
import { configOf, networkOf, openedStage, optimizerOf, type TrainingStage } from './stage.ts';
import { transformerWork } from './transformer_work.ts';

export async function languageStage(root: string): Promise<TrainingStage> {
  const config = configOf(root, '4-base', 'language');
  const shape = readChameleonConfig(networkOf(root, 'transformer'));
  const { batchSize: sequences, seed } = config.training;
  const { dtype } = config;
  const examples = sequencesOf(root, config.layout, await drawings(sequences, side), 'plain');
  const { ids, labels } = examples[0]!.whole;
  const tokens = ids.length;
  const { products, attention } = transformerWork(shape, { sequences, tokens });
  return {
    batch: `${sequences} x ${tokens} tokens`,
    dtype,
    unit: 'tokens',
    units: sequences * tokens,
    // Itself, the gradient of inputs, that of weights.
    work: 3 * (products + attention),
    torch: {
      op: 'language',
      dtype,
      sequences,
      ...transformerRequest(shape),
      tokens,
      answer: answerOf(labels),
      zLoss: config.zLoss,
      ...optimizerOf(config),
    },
    open(device) {
      const weights = Weights.fresh(device, { seed, dtype });
      const model = new Chameleon(weights, shape);
      const trainer = new LanguageTrainer(model, weights.entries(), config);
      return openedStage(config, trainer, examples, [weights]);
    },
  };
}

/** What torch_stages.py is told of the transformer. */
export function transformerRequest(shape: ChameleonConfig) {
  const { vocabulary, layers, dim, heads, kvHeads, headDim, inner, normEps, ropeTheta } = shape;
  return { vocabulary, layers, dim, heads, kvHeads, headDim, inner, normEps, ropeTheta };
}

/** How many tokens in the end of a sequence are to be predicted. */
export const answerOf = (labels: readonly number[]): number =>
  labels.filter((label) => label >= 0).length;

/** A step of the style stage: resampler and adapter move, CLIP and the transformer are frozen. */

import { Weights } from '../../lib/index.ts';
import { Chameleon } from '../../lib/models/chameleon.ts';
import { LoraAdapter } from '../../lib/models/lora.ts';
import { StyleTrainer } from '../../lib/train/style_trainer.ts';
import { configOf, openedStage, optimizerOf, type TrainingStage } from './stage.ts';
import { styledSizes } from './styled.ts';
import { transformerWork } from './transformer_work.ts';

export async function styleStage(root: string): Promise<TrainingStage> {
  const config = configOf(root, '6-style', 'style');
  const styled = await styledSizes(root, config);
  const { shape, tokens, work, request, examples, encoderOf } = styled;
  const { batchSize: sequences, seed } = config.training;
  const { dtype, rank } = config;
  const { products, attention, side } = transformerWork(shape, { sequences, tokens }, rank);
  const { features, resampler, resamplerInput } = work;
  return {
    batch: `${sequences} x ${tokens} tokens`,
    dtype,
    unit: 'tokens',
    units: sequences * tokens,
    // Frozen products have the gradient of inputs alone, from the style rows on; CLIP has none, and the
    // resampler none of its features.
    work:
      2 * products +
      3 * (attention + side) +
      sequences * (features + 3 * resampler - resamplerInput),
    torch: {
      op: 'style',
      ...request,
      sequences,
      rank,
      zLoss: config.zLoss,
      noiseStrength: config.noiseStrength,
      scatter: config.scatter,
      ...optimizerOf(config),
    },
    open(device) {
      const frozen = Weights.fresh(device, { seed, dtype });
      const model = new Chameleon(frozen, shape);
      const { encoder, vision, resampler } = encoderOf(device);
      const lora = Weights.fresh(device, { seed, dtype: 'f32' });
      const adapter = LoraAdapter.of(lora, model, rank);
      const parameters = [...resampler.entries(), ...lora.entries()];
      const trainer = new StyleTrainer(model, encoder, adapter, parameters, config);
      return openedStage(config, trainer, examples, [frozen, vision, resampler, lora]);
    },
  };
}

/** A step of DPO: the adapter moves, and what it began as is asked first. */

import { Weights } from '../../lib/index.ts';
import { Chameleon } from '../../lib/models/chameleon.ts';
import { LoraAdapter, styleArRank } from '../../lib/models/lora.ts';
import { DpoTrainer } from '../../lib/train/dpo_trainer.ts';
import { configOf, openedStage, optimizerOf, type TrainingStage } from './stage.ts';
import { styledSizes } from './styled.ts';
import { transformerWork } from './transformer_work.ts';

export async function dpoStage(root: string): Promise<TrainingStage> {
  const config = configOf(root, '8-dpo', 'dpo');
  const styled = await styledSizes(root, config);
  const { shape, tokens, work, request, examples, encoderOf } = styled;
  const { batchSize: pairs, seed } = config.training;
  const { dtype } = config;
  const sequences = 2 * pairs;
  const rank = styleArRank; // of the style stage's adapter, which a run goes on with
  const transformer = transformerWork(shape, { sequences, tokens }, rank);
  const { products, firstProducts, attention, side } = transformer;
  return {
    batch: `${pairs} pairs, ${sequences} x ${tokens} tokens`,
    dtype,
    unit: 'tokens',
    units: sequences * tokens,
    // Forward by the reference; forward and the gradient of inputs by the policy, of which those of the
    // first layer, which depend on nothing that moves, need none. CLIP and resampler have no gradient.
    work:
      3 * products -
      firstProducts +
      4 * (attention + side) +
      pairs * (work.features + work.resampler),
    torch: {
      op: 'dpo',
      ...request,
      sequences,
      rank,
      beta: config.beta,
      noiseStrength: config.noiseStrength,
      ...optimizerOf(config),
    },
    open(device) {
      const frozen = Weights.fresh(device, { seed, dtype });
      const model = new Chameleon(frozen, shape);
      const { encoder, vision, resampler } = encoderOf(device);
      const adapters = [0, 1].map(() => Weights.fresh(device, { seed, dtype: 'f32' }));
      const [lora, before] = adapters as [Weights, Weights];
      const trainer = new DpoTrainer(
        model,
        encoder,
        {
          policy: LoraAdapter.of(lora, model, rank),
          reference: LoraAdapter.of(before, model, rank),
        },
        lora.entries(),
        config,
      );
      const preferences = examples.map(({ whole, reference }, i) => ({
        reference,
        chosen: whole,
        rejected: examples[(i + 1) % pairs]!.whole,
      }));
      const networks = [frozen, vision, resampler, lora, before];
      return openedStage(config, trainer, preferences, networks);
    },
  };
}

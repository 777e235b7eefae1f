/** A step of the VQGAN: encoder, codebook, decoder, every term of the loss, codes that are not used. */

import path from 'node:path';

import { Weights } from '../../lib/index.ts';
import { readVqganConfig, type VqganConfig } from '../../lib/models/config/vqgan.ts';
import { Vqgan } from '../../lib/models/vqgan.ts';
import {
  decoderLayout,
  downsampling,
  encoderLayout,
  type VqganStageLayout,
} from '../../lib/models/vqgan_layout.ts';
import { Draws } from '../../lib/train/draws.ts';
import { startVqgan } from '../../lib/train/vqgan_start.ts';
import { VqganTrainer } from '../../lib/train/vqgan_trainer.ts';
import { drawings } from './drawings.ts';
import { configOf, networkOf, openedStage, optimizerOf, type TrainingStage } from './stage.ts';

export async function vqganStage(root: string): Promise<TrainingStage> {
  const config = configOf(root, '1-vqgan', 'vqgan');
  const sizes = readVqganConfig(path.join(networkOf(root, 'vqgan'), 'vqgan.yaml'));
  const { batchSize, seed } = config.training;
  const { resolution: side } = sizes;
  const pictures = (await drawings(config.startPictures, side)).map(({ picture }) => picture);
  const { multipliers, attentionResolutions, ...torchSizes } = sizes;
  return {
    batch: `${batchSize} pictures of ${side} x ${side}`,
    dtype: 'f32',
    unit: 'pictures',
    units: batchSize,
    work: batchSize * workOf(sizes),
    torch: {
      op: 'vqgan',
      dtype: 'f32',
      images: batchSize,
      ...torchSizes,
      multipliers: multipliers.join(),
      deadAfter: config.deadAfter,
      ...config.weights,
      ...optimizerOf(config),
    },
    async open(device) {
      const weights = Weights.fresh(device, { seed });
      const vqgan = new Vqgan(weights, sizes);
      const trainer = new VqganTrainer(vqgan, weights.entries(), config);
      const draws = new Draws(seed, 0);
      using pixels = trainer.prepare(pictures, draws).batch;
      await startVqgan(vqgan, weights.entries(), pixels, draws);
      return openedStage(config, trainer, pictures, [weights]);
    },
  };
}

/**
 * Of a picture: three times the forward pass (itself, the gradient of inputs, that of weights), less the
 * gradient of the pixels, which the first convolution does not make; and once, without a gradient, the
 * distances of latents to codes, `2 latents codes width`.
 */
function workOf(config: VqganConfig): number {
  const { resolution, embedDim, codes } = config;
  const latents = (resolution / downsampling(config)) ** 2;
  const encoder = encoderLayout(config);
  const forward =
    forwardWork(encoder, resolution) + forwardWork(decoderLayout(config), latents ** 0.5);
  return (
    3 * forward - forwardWork(encoder.slice(0, 1), resolution) + 2 * latents * codes * embedDim
  );
}

/**
 * Of a convolution `2 pixels kernel² inputs outputs`, pixels being those of the result; of attention
 * beside its four products `4 pixels² channels`.
 *
 * @param side  of the picture that the first stage is given, pixels
 */
function forwardWork(stages: readonly VqganStageLayout[], side: number): number {
  let work = 0;
  let pixels = side ** 2;
  for (const { kind, inputs, outputs } of stages) {
    if (kind === 'down') pixels /= 4;
    if (kind === 'up') pixels *= 4;
    const shortcut = inputs === outputs ? 0 : inputs * outputs;
    const perPixel = {
      conv: 9 * inputs * outputs,
      down: 9 * inputs * outputs,
      up: 9 * inputs * outputs,
      out: 9 * inputs * outputs,
      pointwise: inputs * outputs,
      residual: 9 * (inputs + outputs) * outputs + shortcut,
      attention: 4 * inputs ** 2 + 2 * pixels * inputs,
    }[kind];
    work += 2 * pixels * perPixel;
  }
  return work;
}

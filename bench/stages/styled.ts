/** What the stages share that read a style: sequences with references, and the networks around them. */

import { type Device, Weights } from '../../lib/index.ts';
import { ClipVision } from '../../lib/models/clip_vision.ts';
import { readChameleonConfig } from '../../lib/models/config/chameleon.ts';
import { readClipConfig } from '../../lib/models/config/clip.ts';
import { type ResamplerConfig, readResamplerConfig } from '../../lib/models/config/resampler.ts';
import { Resampler } from '../../lib/models/resampler.ts';
import { StyleEncoder } from '../../lib/models/style_encoder.ts';
import type { StageConfig } from '../../lib/train/config.ts';
import { pixelsOf, visionRequest, visionWork } from './clip.ts';
import { drawings } from './drawings.ts';
import { answerOf, transformerRequest } from './language.ts';
import { sequencesOf } from './sequences.ts';
import { networkOf } from './stage.ts';

/** Sizes, examples and networks of a stage; every sequence is as long. */
export async function styledSizes(root: string, config: StageConfig<'style' | 'dpo'>) {
  const clip = networkOf(root, 'clip');
  const { vision: visionSizes } = readClipConfig(clip);
  const resamplerSizes = readResamplerConfig(networkOf(root, 'resampler_config.json'));
  const shape = readChameleonConfig(networkOf(root, 'transformer'));
  const { batchSize, seed } = config.training;
  const made = await drawings(batchSize, visionSizes.imageSize);
  const pixels = pixelsOf(made, clip);
  const examples = sequencesOf(root, config.layout, made, 'style').map((example, i) => ({
    ...example,
    reference: { pixels: pixels[i]! },
  }));
  const { ids, labels } = examples[0]!.whole;
  const features = 1 + (visionSizes.imageSize / visionSizes.patch) ** 2;
  const { heads, headDim } = resamplerSizes;
  return {
    shape,
    /** Of each sequence. */
    tokens: ids.length,
    examples,
    /** Operations for each picture, forward. */
    work: {
      // The last layer of CLIP is not computed.
      features: visionWork(visionSizes, visionSizes.layers - 1),
      ...resamplerWork(resamplerSizes, features),
    },
    /** What torch_stages.py is told. */
    request: {
      dtype: config.dtype,
      ...transformerRequest(shape),
      tokens: ids.length,
      answer: answerOf(labels),
      ...visionRequest(visionSizes),
      resamplerDim: resamplerSizes.dim,
      resamplerDepth: resamplerSizes.depth,
      resamplerHeads: heads,
      resamplerHeadDim: headDim,
      queries: resamplerSizes.queries,
      ffMult: resamplerSizes.ffMult,
    },
    encoderOf(device: Device) {
      const vision = Weights.fresh(device, { seed, dtype: 'f32' });
      const resampler = Weights.fresh(device, { seed, dtype: 'f32' });
      const encoder = new StyleEncoder(
        new ClipVision(vision.at('vision_model'), visionSizes),
        new Resampler(resampler, resamplerSizes),
      );
      return { encoder, vision, resampler };
    },
  };
}

/**
 * Of a picture, forward: of features to width `2 features inputDim dim`, of each layer the products of
 * queries, of keys and values of features and latents, of the result and of the feed-forward part, and
 * its attention `4 queries (features + queries) heads headDim`; of what leaves `2 queries dim outputDim`.
 *
 * @param features  of a picture
 */
function resamplerWork(config: ResamplerConfig, features: number) {
  const { dim, depth, headDim, heads, queries, inputDim, outputDim, ffMult } = config;
  const inner = heads * headDim;
  const keys = features + queries;
  const products =
    2 * queries * dim * inner + keys * dim * 2 * inner + 2 * queries * ffMult * dim ** 2;
  const layer = 2 * products + 4 * queries * keys * inner;
  const resamplerInput = 2 * features * inputDim * dim;
  const resampler = resamplerInput + depth * layer + 2 * queries * dim * outputDim;
  return { resampler, resamplerInput };
}

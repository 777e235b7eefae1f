/** A step of CLIP: both towers and the contrastive loss over the batch. */

import path from 'node:path';

import { clipPixels } from '../../lib/image/clip_pixels.ts';
import { readClipPreprocessing } from '../../lib/image/clip_preprocessing.ts';
import { Weights } from '../../lib/index.ts';
import { Clip } from '../../lib/models/clip.ts';
import {
  type ClipTextConfig,
  type ClipVisionConfig,
  readClipConfig,
} from '../../lib/models/config/clip.ts';
import { ClipTrainer } from '../../lib/train/clip_trainer.ts';
import { Draws } from '../../lib/train/draws.ts';
import { type Drawing, drawings } from './drawings.ts';
import { configOf, networkOf, openedStage, optimizerOf, type TrainingStage } from './stage.ts';

export async function clipStage(root: string): Promise<TrainingStage> {
  const config = configOf(root, '2-clip', 'clip');
  const network = networkOf(root, 'clip');
  const sizes = readClipConfig(network);
  const { vision } = sizes;
  const text = sizes.text!;
  const { batchSize: pairs, seed } = config.training;
  const made = await drawings(pairs, vision.imageSize);
  const tokens = longestText(made, text);
  const pixels = pixelsOf(made, network);
  const examples = pixels.map((pixels, i) => ({ pixels, ids: textOf(tokens, text, i) }));
  return {
    batch: `${pairs} pictures of ${vision.imageSize} x ${vision.imageSize}, ${pairs} x ${tokens} tokens`,
    dtype: 'f32',
    unit: 'pictures',
    units: pairs,
    work: workOf(vision, text, pairs, tokens),
    torch: {
      op: 'clip',
      dtype: 'f32',
      pairs,
      ...visionRequest(vision),
      textTokens: tokens,
      textWidth: text.width,
      textLayers: text.layers,
      textHeads: text.heads,
      textInner: text.inner,
      textVocabulary: text.vocabulary,
      textPositions: text.positions,
      projection: vision.projection,
      ...optimizerOf(config),
    },
    open(device) {
      const weights = Weights.fresh(device, { seed });
      const clip = new Clip(weights, sizes);
      const trainer = new ClipTrainer(clip, weights.entries(), config);
      return openedStage(config, trainer, examples, [weights]);
    },
  };
}

/** Pictures as CLIP takes them. */
export function pixelsOf(made: readonly Drawing[], network: string): Float32Array[] {
  const preprocessing = readClipPreprocessing(path.join(network, 'preprocessor_config.json'));
  return made.map(({ picture }) => clipPixels([picture], preprocessing));
}

/** What torch_stages.py is told of the tower for pictures. */
export const visionRequest = ({
  width,
  layers,
  heads,
  inner,
  patch,
  imageSize,
}: ClipVisionConfig) => ({
  visionWidth: width,
  visionLayers: layers,
  visionHeads: heads,
  visionInner: inner,
  patch,
  imageSize,
});

/**
 * Tokens of the longest caption, to which those of a batch are padded: its words and marks, with a start
 * and an end, for the tokenizer of this CLIP has learned the words of the world.
 */
function longestText(made: readonly Drawing[], { positions }: ClipTextConfig): number {
  const counts = made.map(({ caption }) => caption.match(/\w+|[^\w\s]/g)?.length ?? 0);
  return Math.min(positions, 2 + Math.max(...counts));
}

/** Ids at random between a start and an end. */
function textOf(tokens: number, { vocabulary, eosId }: ClipTextConfig, index: number): number[] {
  const draws = new Draws(index, 0);
  const word = (place: number) => 2 + draws.below(vocabulary - 2, 'sample', place);
  return [0, ...Array.from({ length: tokens - 2 }, (_, place) => word(place)), eosId];
}

/**
 * Three times the forward pass, less the gradient of the pixels; the logits, `2 pairs² projection`, are
 * made for pictures and for texts.
 */
function workOf(
  vision: ClipVisionConfig,
  text: ClipTextConfig,
  pairs: number,
  tokens: number,
): number {
  const { width, layers, inner, projection } = text;
  const products = 2 * tokens * layers * (4 * width ** 2 + 2 * width * inner);
  const attention = 2 * layers * tokens * (tokens + 1) * width;
  const texts = products + attention + 2 * width * projection;
  const pictures = visionWork(vision, vision.layers) + 2 * vision.width * projection;
  const logits = 2 * 2 * pairs ** 2 * projection;
  return 3 * (pairs * (texts + pictures) + logits) - pairs * patchWork(vision);
}

/**
 * Of a picture, forward: of patches, and of each layer `2 tokens (4 width² + 2 width inner)` and for its
 * attention `4 tokens² width`.
 *
 * @param layers  how many are computed
 */
export function visionWork(config: ClipVisionConfig, layers: number): number {
  const { width, inner, patch, imageSize } = config;
  const tokens = 1 + (imageSize / patch) ** 2;
  const layer = 2 * tokens * (4 * width ** 2 + 2 * width * inner) + 4 * tokens ** 2 * width;
  return patchWork(config) + layers * layer;
}

/** Of a picture's pixels to patches: `2 pixels 3 width`. */
const patchWork = ({ width, imageSize }: ClipVisionConfig): number => 6 * imageSize ** 2 * width;

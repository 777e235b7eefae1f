// Captions and pictures in a vocabulary of 40 tokens, small enough to be learned by heart, and the
// networks that read them.
import { type Device, Weights } from '../../lib/index.ts';
import { Chameleon } from '../../lib/models/chameleon.ts';
import { ClipVision } from '../../lib/models/clip_vision.ts';
import { Resampler } from '../../lib/models/resampler.ts';
import { StyleEncoder } from '../../lib/models/style_encoder.ts';
import type { ConditionedExample } from '../../lib/train/conditioning.ts';
import type { LabelledSequence } from '../../lib/train/token_batch.ts';
import { normal } from '../support/numbers.ts';

const [begin, placeholder, stop, start, end] = [0, 1, 2, 3, 4];
const [firstWord, firstCode] = [8, 20];

/** How many style rows there are. */
const styleRows = 2;

/** Three codes that follow from the word and from the colour. */
const pictureOf = (word: number, colour: number): number[] => [
  start,
  firstCode + word,
  firstCode + 5 + colour,
  firstCode + 10 + ((word + colour) % 3),
  end,
];

/** @param padding  tokens between the word and the picture, so that lengths differ */
export function sequence(word: number, colour: number, padding = 0): LabelledSequence {
  const between = new Array<number>(padding).fill(7);
  const question = [begin, placeholder, placeholder, firstWord + word, ...between, stop];
  const answer = [...pictureOf(word, colour), stop];
  return {
    ids: [...question, ...answer],
    labels: [...question.map(() => -100), ...answer],
    styleIndex: [1, 2],
  };
}

export function conditioned(word: number, colour: number): ConditionedExample {
  const image = pictureOf(word, colour);
  const whole = sequence(word, colour, word);
  return {
    whole,
    withoutCaption: { ...whole, ids: whole.ids.map((id) => (id === firstWord + word ? 7 : id)) },
    imageOnly: { ids: image, labels: image.map((id, i) => (i < 1 ? -100 : id)) },
  };
}

/** What CLIP takes: a picture of the colour. */
export const colourPixels = (colour: number): Float32Array =>
  Float32Array.from({ length: 8 * 8 * 3 }, normal(50 + colour));

export const chameleonShape = {
  vocabulary: 40,
  layers: 2,
  dim: 16,
  heads: 2,
  kvHeads: 1,
  headDim: 8,
  inner: 24,
  normEps: 1e-5,
  ropeTheta: 1e4,
  swinNorm: false,
};

/** A fresh transformer. */
export function transformer(device: Device, dtype: 'f32' | 'bf16' = 'f32') {
  const weights = Weights.fresh(device, { seed: 6, dtype });
  return { weights, model: new Chameleon(weights, chameleonShape) };
}

/** Fresh CLIP and resampler. */
export function styleEncoder(device: Device) {
  const clip = Weights.fresh(device, { seed: 7 });
  const resampler = Weights.fresh(device, { seed: 8 });
  const vision = new ClipVision(clip, {
    ...{ width: 12, layers: 2, heads: 2, inner: 24, activation: 'gelu', normEps: 1e-5 },
    ...{ projection: 8, patch: 4, imageSize: 8 },
  });
  const encoder = new StyleEncoder(
    vision,
    new Resampler(resampler, {
      ...{ dim: 12, depth: 1, headDim: 6, heads: 2, queries: styleRows, inputDim: 12 },
      ...{ outputDim: chameleonShape.dim, ffMult: 2, maxSequence: 5 },
      ...{ positionEmbedding: false, meanPooledLatents: 0 },
    }),
  );
  return { clip, resampler, encoder };
}

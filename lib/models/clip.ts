import { StylearError } from '../error.ts';
import { Linear } from '../nn/linear.ts';
import { l2Normalise } from '../ops/l2_normalise.ts';
import { matmul } from '../ops/matmul.ts';
import { multiply } from '../ops/multiply.ts';
import { exp } from '../ops/pointwise.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Weights } from '../weights/weights.ts';
import type { ClipForwardOptions } from './clip_encoder.ts';
import { ClipText, type ClipTextOptions } from './clip_text.ts';
import { ClipVision } from './clip_vision.ts';
import type { ClipConfig, ClipTowerConfig } from './config/clip.ts';

/** What cosines are multiplied with before training: 1 over the temperature of the paper. */
const initialScale = 1 / 0.07;

/** Contrastive pre-training of pictures and texts (Radford et al. 2021): both towers, in f32. */
export class Clip {
  readonly vision: ClipVision;
  readonly text: ClipText;
  /** `[1]`: log of what cosines are multiplied with. */
  readonly logitScale: Tensor;
  private readonly visualProjection: Linear;
  private readonly textProjection: Linear;

  /**
   * @param w  the root: has `vision_model`, `text_model`, `visual_projection`, `text_projection` and
   *           `logit_scale`, opened as f32
   */
  constructor(w: Weights, { vision, text }: ClipConfig) {
    if (!text) {
      throw new StylearError(
        'ERR_INPUT',
        'clip: expected the config to be of both towers, got the one for pictures alone',
      );
    }
    const projectionOf = (name: string, { width, projection }: ClipTowerConfig) =>
      new Linear(w.at(name), width, projection, {
        bias: false,
        init: { normal: 1 / Math.sqrt(width) },
      });
    this.vision = new ClipVision(w.at('vision_model'), vision);
    this.text = new ClipText(w.at('text_model'), text);
    this.visualProjection = projectionOf('visual_projection', vision);
    this.textProjection = projectionOf('text_projection', text);
    this.logitScale = w.tensor('logit_scale', [], { constant: Math.log(initialScale) });
  }

  /**
   * @param pixels  `[images, imageSize, imageSize, 3]`, f32, normalised RGB
   * @returns       `[images, projection]`, not normalised
   */
  embedImages(pixels: Tensor, options: Omit<ClipForwardOptions, 'depth'> = {}): Tensor {
    return scope(() => {
      const states = this.vision.forward(pixels, options);
      return this.visualProjection.forward(this.vision.pool(states));
    });
  }

  /**
   * @param ids   `[texts, tokens]`, i32
   * @param ends  `[texts]`, i32: where the end tokens are, counted over all texts; see `clipTexts`
   * @returns     `[texts, projection]`, not normalised
   */
  embedTexts(ids: Tensor, ends: Tensor, options: Omit<ClipTextOptions, 'depth'> = {}): Tensor {
    return scope(() => {
      const states = this.text.forward(ids, options);
      return this.textProjection.forward(this.text.pool(states, ends));
    });
  }

  /**
   * Cosines of pictures and texts, times the exponential of `logitScale`.
   *
   * @param images  `[images, projection]`
   * @param texts   `[texts, projection]`
   * @returns       `[images, texts]`
   */
  logits(images: Tensor, texts: Tensor): Tensor {
    return scope(() => {
      const scaled = multiply(l2Normalise(images), exp(this.logitScale));
      return matmul(scaled, l2Normalise(texts), { transposeB: true });
    });
  }
}

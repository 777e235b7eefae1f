import { StylearError } from '../error.ts';
import { concat, slice } from '../ops/copy_slice.ts';
import { extent } from '../ops/shapes.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { ClipVision } from './clip_vision.ts';
import type { Resampler } from './resampler.ts';
import { addStyleNoise, blendStyle, withoutSubject } from './style_tokens.ts';

/** What is done to style tokens beside encoding: the subject faded, noise added. */
export interface StyleOptions {
  /** Like what is encoded: the subject of each picture, cut out; nothing is faded unless given. */
  readonly subject?: Tensor | undefined;
  /** See `withoutSubject`; 0.8 unless told. */
  readonly subtraction?: number | undefined;
  /** See `blendStyle`; 0.2 unless told. */
  readonly residualRatio?: number | undefined;
  /** Noise on the style tokens; see `addStyleNoise`. None unless told. */
  readonly noise?: { readonly seeds: Tensor; readonly strength: number } | undefined;
}

/**
 * Pictures to style tokens: CLIP without its last layer, then the resampler. It computes in f32,
 * whatever the transformer computes in.
 */
export class StyleEncoder {
  readonly vision: ClipVision;
  readonly resampler: Resampler;

  constructor(vision: ClipVision, resampler: Resampler) {
    if (vision.config.width !== resampler.config.inputDim) {
      throw new StylearError(
        'ERR_WEIGHTS',
        `StyleEncoder: expected CLIP to be ${resampler.config.inputDim} wide, as the resampler ` +
          `reads, got ${vision.config.width}`,
      );
    }
    this.vision = vision;
    this.resampler = resampler;
  }

  /**
   * What a style is made of; it can be kept and given to `fromFeatures` again.
   *
   * @param pixels  `[images, imageSize, imageSize, 3]`, f32, normalised RGB
   * @returns       `[images, tokens, width]`
   */
  features(pixels: Tensor): Tensor {
    return this.vision.penultimate(pixels);
  }

  /**
   * @param features  `[images, tokens, width]`, f32, as `features` returns; so is the subject
   * @returns         `[images, outputs, outputDim]`, f32: the style tokens of each picture
   */
  fromFeatures(features: Tensor, options: StyleOptions = {}): Tensor {
    const { subject, subtraction, residualRatio, noise } = options;
    return scope(() => {
      const style = subject
        ? this.faded(features, withoutSubject(features, subject, subtraction), residualRatio)
        : this.resampler.forward(features);
      return noise ? addStyleNoise(style, noise.seeds, noise.strength) : style;
    });
  }

  /**
   * @param pixels  `[images, imageSize, imageSize, 3]`, f32, normalised RGB; so is the subject
   * @returns       `[images, outputs, outputDim]`, f32: the style tokens of each picture
   */
  encode(pixels: Tensor, { subject, ...options }: StyleOptions = {}): Tensor {
    return scope(() =>
      this.fromFeatures(this.features(pixels), {
        ...options,
        subject: subject && this.features(subject),
      }),
    );
  }

  /** Both in one batch, so that the weights of the resampler are read once. */
  private faded(whole: Tensor, faded: Tensor, residualRatio: number | undefined): Tensor {
    const images = extent(whole, 0);
    const style = this.resampler.forward(concat([whole, faded]));
    return blendStyle(slice(style, 0, images), slice(style, images), residualRatio);
  }
}

import { StylearError } from '../error.ts';
import { Conv2d } from '../nn/conv2d.ts';
import { Embedding } from '../nn/embedding.ts';
import { LayerNorm } from '../nn/norms.ts';
import { add } from '../ops/add.ts';
import { concat, slice } from '../ops/copy_slice.ts';
import { repeat } from '../ops/repeat.ts';
import { reshape } from '../ops/reshape.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Weights } from '../weights/weights.ts';
import { ClipEncoder, type ClipForwardOptions, type ClipMask } from './clip_encoder.ts';
import type { ClipVisionConfig } from './config/clip.ts';

const channels = 3;
const everything: ClipMask = {};

/**
 * The tower of CLIP for pictures (Radford et al. 2021, Dosovitskiy et al. 2021): patches, a class
 * token before them, positions, layers. Everything is computed in f32.
 */
export class ClipVision {
  readonly config: ClipVisionConfig;
  /** Tokens of a picture: the class token and one for each patch. */
  readonly tokens: number;
  /** `[width]` */
  private readonly classToken: Tensor;
  private readonly patches: Conv2d;
  private readonly positions: Embedding;
  private readonly preNorm: LayerNorm;
  private readonly encoder: ClipEncoder;
  private readonly postNorm: LayerNorm;

  /**
   * @param w  has `embeddings`, `pre_layrnorm` (spelled so), `encoder` and `post_layernorm`, opened as
   *           f32
   */
  constructor(w: Weights, config: ClipVisionConfig) {
    const { width, patch, imageSize, normEps } = config;
    const at = w.at('embeddings');
    this.config = config;
    this.tokens = 1 + (imageSize / patch) ** 2;
    this.classToken = at.tensor('class_embedding', [width], { normal: 1 / Math.sqrt(width) });
    this.patches = new Conv2d(at.at('patch_embedding'), channels, width, patch, {
      stride: patch,
      bias: false,
    });
    this.positions = new Embedding(at.at('position_embedding'), this.tokens, width);
    this.preNorm = new LayerNorm(w.at('pre_layrnorm'), [width], normEps);
    this.encoder = new ClipEncoder(w.at('encoder'), config);
    this.postNorm = new LayerNorm(w.at('post_layernorm'), [width], normEps);
  }

  /**
   * The output of the last layer, or of the one at `depth`, without a norm after it.
   *
   * @param pixels  `[images, imageSize, imageSize, 3]`, f32, normalised RGB
   * @returns       `[images, tokens, width]`, the class token first, then patches row by row
   */
  forward(pixels: Tensor, options: ClipForwardOptions = {}): Tensor {
    return scope(() => this.encoder.forward(this.embed(pixels), everything, options));
  }

  /** The output of the last layer but one: what StyleAR reads. The last layer is not computed. */
  penultimate(pixels: Tensor, options: Omit<ClipForwardOptions, 'depth'> = {}): Tensor {
    return this.forward(pixels, { ...options, depth: this.config.layers - 1 });
  }

  /** The input of the first layer and the output of every one: `layers + 1` in all. */
  states(pixels: Tensor): Tensor[] {
    return scope(() => this.encoder.states(this.embed(pixels), everything));
  }

  /**
   * What the whole picture is projected from: the normed class token.
   *
   * @param states  `[images, tokens, width]`, as `forward` returns
   * @returns       `[images, width]`
   */
  pool(states: Tensor): Tensor {
    const [images, , width] = states.shape as [number, number, number];
    return this.postNorm.forward(reshape(slice(states, 0, 1, 1), [images, width]));
  }

  private embed(pixels: Tensor): Tensor {
    const { imageSize, width } = this.config;
    const [images] = pixels.shape;
    const expected = [images, imageSize, imageSize, channels].join(', ');
    if (pixels.shape.length !== 4 || pixels.shape.join(', ') !== expected) {
      throw new StylearError(
        'ERR_SHAPE',
        `clip: expected pixels to be [images, ${imageSize}, ${imageSize}, ${channels}], got ` +
          `[${pixels.shape.join(', ')}]`,
      );
    }
    const patches = reshape(this.patches.forward(pixels), [images!, this.tokens - 1, width]);
    const first = repeat(this.classToken, [images!, 1, width]);
    const tokens = add(concat([first, patches], 1), this.positions.weight);
    return this.preNorm.forward(tokens);
  }
}

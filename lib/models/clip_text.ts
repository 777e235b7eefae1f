import { StylearError } from '../error.ts';
import { Embedding } from '../nn/embedding.ts';
import { LayerNorm } from '../nn/norms.ts';
import { add } from '../ops/add.ts';
import { slice } from '../ops/copy_slice.ts';
import { gather } from '../ops/embedding.ts';
import { reshape } from '../ops/reshape.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Weights } from '../weights/weights.ts';
import { ClipEncoder, type ClipForwardOptions, type ClipMask } from './clip_encoder.ts';
import type { ClipTextConfig } from './config/clip.ts';

/** As `ClipForwardOptions`, for texts of several lengths. */
export interface ClipTextOptions extends ClipForwardOptions {
  /**
   * `[texts]`, i32: tokens of each text, the rest being padding on the right; all unless told. No
   * token is reached from its right in any case: it changes only what stands at the padding.
   */
  readonly lengths?: Tensor | undefined;
}

/** The tower of CLIP for texts (Radford et al. 2021): causal. Everything is computed in f32. */
export class ClipText {
  readonly config: ClipTextConfig;
  private readonly embedding: Embedding;
  private readonly positions: Embedding;
  private readonly encoder: ClipEncoder;
  private readonly finalNorm: LayerNorm;

  /** @param w  has `embeddings`, `encoder` and `final_layer_norm`, opened as f32 */
  constructor(w: Weights, config: ClipTextConfig) {
    const { width, vocabulary, positions, normEps } = config;
    const at = w.at('embeddings');
    this.config = config;
    this.embedding = new Embedding(at.at('token_embedding'), vocabulary, width);
    this.positions = new Embedding(at.at('position_embedding'), positions, width);
    this.encoder = new ClipEncoder(w.at('encoder'), config);
    this.finalNorm = new LayerNorm(w.at('final_layer_norm'), [width], normEps);
  }

  /**
   * The output of the last layer, or of the one at `depth`, without a norm after it.
   *
   * @param ids  `[texts, tokens]`, i32 in [0, vocabulary), tokens at most `positions`
   * @returns    `[texts, tokens, width]`
   */
  forward(ids: Tensor, { lengths, ...options }: ClipTextOptions = {}): Tensor {
    return scope(() => this.encoder.forward(this.embed(ids), masked(lengths), options));
  }

  /** The input of the first layer and the output of every one: `layers + 1` in all. */
  states(ids: Tensor, { lengths }: Pick<ClipTextOptions, 'lengths'> = {}): Tensor[] {
    return scope(() => this.encoder.states(this.embed(ids), masked(lengths)));
  }

  /**
   * The norm after the last layer.
   *
   * @param states  `[..., width]`
   */
  norm(states: Tensor): Tensor {
    return this.finalNorm.forward(states);
  }

  /**
   * What the whole text is projected from: the normed state of its end token.
   *
   * @param states  `[texts, tokens, width]`, as `forward` returns
   * @param ends    `[texts]`, i32: where the end tokens are, counted over all texts
   * @returns       `[texts, width]`
   */
  pool(states: Tensor, ends: Tensor): Tensor {
    const [texts, tokens, width] = states.shape as [number, number, number];
    return this.norm(gather(reshape(states, [texts * tokens, width]), ends));
  }

  private embed(ids: Tensor): Tensor {
    const { positions } = this.config;
    const [, tokens = 0] = ids.shape;
    if (ids.shape.length !== 2 || tokens > positions) {
      throw new StylearError(
        'ERR_SHAPE',
        `clip: expected ids to be [texts, tokens] of at most ${positions} tokens, got ` +
          `[${ids.shape.join(', ')}]`,
      );
    }
    const embedded = this.embedding.forward(ids);
    return add(embedded, slice(this.positions.weight, 0, tokens));
  }
}

const masked = (lengths: Tensor | undefined): ClipMask => ({ causal: true, lengths });

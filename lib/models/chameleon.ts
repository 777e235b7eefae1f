import { checkpoint } from '../autograd/checkpoint.ts';
import { Embedding } from '../nn/embedding.ts';
import type { Linear } from '../nn/linear.ts';
import { RmsNorm } from '../nn/norms.ts';
import type { EmbeddingOptions } from '../ops/embedding.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Weights } from '../weights/weights.ts';
import { type BranchDropout, type ChameleonDims, ChameleonLayer } from './chameleon_layer.ts';
import type { CachedStep, KvCache } from './kv_cache.ts';
import { LmHead } from './lm_head.ts';

/** The extents of a transformer. */
export interface ChameleonShape extends ChameleonDims {
  /** Ids there are, which is how many logits a token has. */
  readonly vocabulary: number;
  readonly layers: number;
  /** Ids whose logits are the smallest f32 instead of what the head says; none unless told. */
  readonly maskedIds?: readonly number[] | undefined;
}

/** How `Chameleon.forward` runs. */
export interface ChameleonForwardOptions {
  /** Keep only the inputs of layers for the gradient, and compute each layer twice. */
  readonly checkpointed?: boolean | undefined;
  /** None unless told. */
  readonly branchDropout?: BranchDropout | undefined;
}

/**
 * The transformer of Chameleon (Chameleon team 2024), as Lumina-mGPT and StyleAR use it: RMSNorm,
 * normed queries and keys, rotary embedding, SwiGLU; norms before the branches or after them.
 */
export class Chameleon {
  readonly shape: ChameleonShape;
  readonly embedding: Embedding;
  /** @internal */
  readonly layers: readonly ChameleonLayer[];
  /** @internal */
  readonly norm: RmsNorm;
  readonly head: LmHead;

  /** @param w  the root: has `model` and `lm_head` */
  constructor(w: Weights, shape: ChameleonShape) {
    const { vocabulary, dim, normEps } = shape;
    const model = w.at('model');
    this.shape = shape;
    this.embedding = new Embedding(model.at('embed_tokens'), vocabulary, dim);
    this.layers = Array.from(
      { length: shape.layers },
      (_, i) => new ChameleonLayer(model.at('layers').at(i), shape),
    );
    this.norm = new RmsNorm(model.at('norm'), dim, normEps);
    this.head = new LmHead(w.at('lm_head'), dim, vocabulary, shape.maskedIds);
  }

  /**
   * @param ids      `[sequences, tokens]`, i32
   * @param options  `rows` and `slots` put style tokens in; `dtype` is that of all activations
   * @returns        `[sequences, tokens, dim]`
   */
  embed(ids: Tensor, options: EmbeddingOptions = {}): Tensor {
    return this.embedding.forward(ids, options);
  }

  /**
   * All layers over whole sequences; what stands right of a token does not reach it, so sequences may
   * be padded on the right.
   *
   * @param x          `[sequences, tokens, dim]`, f32 or bf16
   * @param positions  `[sequences, tokens]`, i32
   * @returns          like `x`: what the head reads
   */
  forward(x: Tensor, positions: Tensor, options: ChameleonForwardOptions = {}): Tensor {
    const { checkpointed = false, branchDropout } = options;
    const seeds = 2 * x.shape[0]!;
    let h = x;
    for (const [i, layer] of this.layers.entries()) {
      const input = h;
      const run = () => {
        const dropout = branchDropout && {
          ...branchDropout,
          seeds: branchDropout.seeds.slice(i * seeds, (i + 1) * seeds),
        };
        return layer.forward(input, positions, dropout);
      };
      h = checkpointed ? checkpoint(run) : run();
    }
    return this.norm.forward(h);
  }

  /**
   * All layers over the next tokens of sequences whose earlier ones are in the cache, and the write
   * of these. Up to 64 rows in all, the bits of a row depend on its own sequence alone. It has no
   * gradient.
   *
   * @param x  `[sequences, tokens, dim]`, f32 or bf16, 1 to 64 tokens
   * @returns  like `x`: what the head reads
   */
  decode(x: Tensor, cache: KvCache, step: CachedStep): Tensor {
    let h = x;
    // What a layer leaves behind is free for the next one, in a recording too.
    this.layers.forEach((layer, i) => {
      const input = h;
      h = scope(() => layer.decode(input, cache.layer(i, step.table), step));
      if (input !== x) input.dispose();
    });
    const normed = this.norm.forward(h);
    if (h !== x) h.dispose();
    return normed;
  }

  /** The products that an adapter may change, by their paths. */
  adaptable(): Map<string, Linear> {
    const found = new Map<string, Linear>();
    this.layers.forEach((layer, i) => {
      for (const [name, linear] of layer.adaptable())
        found.set(`model.layers.${i}.${name}`, linear);
    });
    found.set('lm_head', this.head.linear);
    return found;
  }
}

import { StylearError } from '../error.ts';
import { Embedding } from '../nn/embedding.ts';
import { Linear } from '../nn/linear.ts';
import { LayerNorm } from '../nn/norms.ts';
import { add } from '../ops/add.ts';
import { concat, slice } from '../ops/copy_slice.ts';
import { perceiverAttention } from '../ops/perceiver_attention.ts';
import { permute } from '../ops/permute.ts';
import { repeat } from '../ops/repeat.ts';
import { reshape } from '../ops/reshape.ts';
import { sumRows } from '../ops/sum_rows.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Weights } from '../weights/weights.ts';
import type { ResamplerConfig } from './config/resampler.ts';

/**
 * The perceiver resampler (Alayrac et al. 2022, as in IP-Adapter plus): features of an image in any
 * number become a fixed number of vectors, StyleAR's style tokens. Everything is computed in f32.
 */
export class Resampler {
  readonly config: ResamplerConfig;
  /** Vectors of an image. */
  readonly outputs: number;
  /** `[1, queries, dim]` */
  private readonly latents: Tensor;
  private readonly positions: Embedding | undefined;
  private readonly projectIn: Linear;
  private readonly pooled: MeanPooledLatents | undefined;
  private readonly layers: readonly ResamplerLayer[];
  private readonly projectOut: Linear;
  private readonly norm: LayerNorm;

  /** @param w  the root of `image_proj.pth`: has `latents`, `proj_in`, `layers` and so on */
  constructor(w: Weights, config: ResamplerConfig) {
    const { dim, queries, inputDim, outputDim } = config;
    const { positionEmbedding, maxSequence, meanPooledLatents } = config;
    this.config = config;
    this.outputs = queries + meanPooledLatents;
    this.latents = w.tensor('latents', [1, queries, dim], { normal: 1 / Math.sqrt(dim) });
    this.positions = positionEmbedding
      ? new Embedding(w.at('pos_emb'), maxSequence, inputDim, { normal: 1 })
      : undefined;
    this.projectIn = new Linear(w.at('proj_in'), inputDim, dim);
    this.pooled =
      meanPooledLatents > 0
        ? new MeanPooledLatents(w.at('to_latents_from_mean_pooled_seq'), dim, meanPooledLatents)
        : undefined;
    this.layers = Array.from(
      { length: config.depth },
      (_, i) => new ResamplerLayer(w.at('layers').at(i), config),
    );
    this.projectOut = new Linear(w.at('proj_out'), dim, outputDim);
    this.norm = new LayerNorm(w.at('norm_out'), [outputDim]);
  }

  /**
   * @param features  `[images, tokens, inputDim]`, f32
   * @returns         `[images, outputs, outputDim]`
   */
  forward(features: Tensor): Tensor {
    return scope(() => {
      const x = this.projectIn.forward(this.positioned(features));
      let z = repeat(this.latents, [x.shape[0]!, ...this.latents.shape.slice(1)]);
      if (this.pooled) z = concat([this.pooled.forward(x), z], 1);
      for (const layer of this.layers) {
        const before = z;
        z = scope(() => layer.forward(x, before));
      }
      return this.norm.forward(this.projectOut.forward(z));
    });
  }

  private positioned(features: Tensor): Tensor {
    const { inputDim } = this.config;
    const most = this.positions?.weight.shape[0] ?? Number.POSITIVE_INFINITY;
    const [, tokens = 0, width] = features.shape;
    if (features.shape.length !== 3 || width !== inputDim || tokens > most) {
      const counted = this.positions ? ` of at most ${most} tokens` : '';
      throw new StylearError(
        'ERR_SHAPE',
        `resampler: expected features to be [images, tokens, ${inputDim}]${counted}, got ` +
          `[${features.shape.join(', ')}]`,
      );
    }
    return this.positions ? add(features, slice(this.positions.weight, 0, tokens)) : features;
  }
}

/** Latents that depend on the image: of the mean of its features. */
class MeanPooledLatents {
  private readonly norm: LayerNorm;
  private readonly linear: Linear;
  private readonly shape: readonly [latents: number, dim: number];

  /** @param w  has `0`, a norm, and `1`, a product */
  constructor(w: Weights, dim: number, latents: number) {
    this.norm = new LayerNorm(w.at(0), [dim]);
    this.linear = new Linear(w.at(1), dim, latents * dim);
    this.shape = [latents, dim];
  }

  /**
   * @param x  `[images, tokens, dim]`
   * @returns  `[images, latents, dim]`
   */
  forward(x: Tensor): Tensor {
    const [images, tokens, dim] = x.shape as [number, number, number];
    const mean = sumRows(permute(x, [1, 0, 2]), [images, dim], { scale: 1 / tokens });
    return reshape(this.linear.forward(this.norm.forward(mean)), [images, ...this.shape]);
  }
}

/** Latents attend to the features and to each other, then go through a feed-forward. */
class ResamplerLayer {
  private readonly featureNorm: LayerNorm;
  private readonly latentNorm: LayerNorm;
  private readonly toQ: Linear;
  private readonly toKv: Linear;
  private readonly toOut: Linear;
  private readonly forwardNorm: LayerNorm;
  private readonly up: Linear;
  private readonly down: Linear;
  private readonly heads: readonly [heads: number, headDim: number];

  /** @param w  has `0`, the attention, and `1`, the feed-forward */
  constructor(w: Weights, { dim, heads, headDim, ffMult }: ResamplerConfig) {
    const [attention, mlp] = [w.at(0), w.at(1)];
    const inner = heads * headDim;
    const noBias = { bias: false };
    this.featureNorm = new LayerNorm(attention.at('norm1'), [dim]);
    this.latentNorm = new LayerNorm(attention.at('norm2'), [dim]);
    this.toQ = new Linear(attention.at('to_q'), dim, inner, noBias);
    this.toKv = new Linear(attention.at('to_kv'), dim, 2 * inner, noBias);
    this.toOut = new Linear(attention.at('to_out'), inner, dim, noBias);
    this.forwardNorm = new LayerNorm(mlp.at(0), [dim]);
    this.up = new Linear(mlp.at(1), dim, ffMult * dim, noBias);
    this.down = new Linear(mlp.at(3), ffMult * dim, dim, noBias);
    this.heads = [heads, headDim];
  }

  /**
   * @param x  `[images, tokens, dim]`: the features, the same for every layer
   * @param z  `[images, latents, dim]`
   * @returns  like `z`
   */
  forward(x: Tensor, z: Tensor): Tensor {
    const h = this.attend(this.featureNorm.forward(x), this.latentNorm.forward(z), z);
    const inner = this.up.forward(this.forwardNorm.forward(h), { function: 'gelu' });
    return this.down.forward(inner, { residual: h });
  }

  private attend(x: Tensor, z: Tensor, residual: Tensor): Tensor {
    const [images, latents] = z.shape as [number, number];
    const keysAndValues = (y: Tensor) =>
      reshape(this.toKv.forward(y), [images, y.shape[1]!, 2, ...this.heads]);
    const q = reshape(this.toQ.forward(z), [images, latents, ...this.heads]);
    const y = perceiverAttention(q, keysAndValues(x), keysAndValues(z));
    const joined = reshape(y, [images, latents, this.toOut.inputs]);
    return this.toOut.forward(joined, { residual });
  }
}

import {
  flag,
  objectOf,
  parseConfig,
  readConfigFile,
  requireParameters,
  whole,
} from './config_file.ts';

/** The sizes of a perceiver resampler. */
export interface ResamplerConfig {
  /** Width of the latents. */
  readonly dim: number;
  readonly depth: number;
  readonly headDim: number;
  /** Their product with `headDim` need not be `dim`. */
  readonly heads: number;
  /** Learned latents; as many rows come out, and `meanPooledLatents` more. */
  readonly queries: number;
  /** Width of the features that go in. */
  readonly inputDim: number;
  /** Width of the rows that come out. */
  readonly outputDim: number;
  /** Hidden width of the feed-forward part over `dim`. */
  readonly ffMult: number;
  /** The most features, where `positionEmbedding` numbers them. */
  readonly maxSequence: number;
  readonly positionEmbedding: boolean;
  /** Latents made of the mean of the features, before the learned ones; 0 for none. */
  readonly meanPooledLatents: number;
}

/** What StyleAR's `image_proj.pth` was made with; nothing in the released folder says so. */
export const releasedResampler: ResamplerConfig = {
  dim: 4096,
  depth: 4,
  headDim: 64,
  heads: 12,
  queries: 16,
  inputDim: 1280,
  outputDim: 4096,
  ffMult: 4,
  maxSequence: 257,
  positionEmbedding: false,
  meanPooledLatents: 0,
};

const schema = objectOf({
  dim: whole(1, 2 ** 16),
  depth: whole(1, 1024),
  dim_head: whole(1, 2 ** 12),
  heads: whole(1, 1024),
  num_queries: whole(1, 2 ** 16),
  embedding_dim: whole(1, 2 ** 16),
  output_dim: whole(1, 2 ** 16),
  ff_mult: whole(1, 64),
  max_seq_len: whole(1, 2 ** 20).default(releasedResampler.maxSequence),
  apply_pos_emb: flag().default(false),
  num_latents_mean_pooled: whole(0, 2 ** 16).default(0),
});

/**
 * The arguments of a resampler's constructor, by the names that they have there.
 *
 * Throws `ERR_WEIGHTS` when one is missing or out of bounds.
 *
 * @param file  such as `resampler_config.json`
 */
export function readResamplerConfig(file: string): ResamplerConfig {
  const config = parseConfig(file, schema, readConfigFile(file));
  const { dim, depth, heads } = config;
  const { dim_head: headDim, num_queries: queries, ff_mult: ffMult } = config;
  const { embedding_dim: inputDim, output_dim: outputDim } = config;
  const { max_seq_len: maxSequence, num_latents_mean_pooled: meanPooledLatents } = config;
  const layer = 4 * dim * heads * headDim + 2 * dim * dim * ffMult;
  const ends = dim * (inputDim + outputDim + queries + dim * meanPooledLatents);
  requireParameters(file, depth * layer + ends + maxSequence * inputDim);
  return {
    dim,
    depth,
    headDim,
    heads,
    queries,
    inputDim,
    outputDim,
    ffMult,
    maxSequence,
    positionEmbedding: config.apply_pos_emb,
    meanPooledLatents,
  };
}

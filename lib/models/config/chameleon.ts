import { join } from 'node:path';
import { quoted, weightsError } from '../../weights/byte_source.ts';
import type { Json } from '../../weights/strict_json.ts';
import {
  flag,
  objectOf,
  only,
  parseConfig,
  readConfigFile,
  real,
  requireParameters,
  requireThat,
  whole,
} from './config_file.ts';

/** What the `config.json` of a Chameleon or Lumina-mGPT checkpoint says of its network. */
export interface ChameleonConfig {
  readonly vocabulary: number;
  readonly layers: number;
  /** Width of the residual stream. */
  readonly dim: number;
  readonly heads: number;
  /** Divide the heads. */
  readonly kvHeads: number;
  /** `dim / heads`, even. */
  readonly headDim: number;
  /** Width of the gated product. */
  readonly inner: number;
  readonly normEps: number;
  readonly ropeTheta: number;
  /** Norm what a branch returns instead of what it is given. */
  readonly swinNorm: boolean;
  /** The longest sequence it was trained for. */
  readonly maxPositions: number;
  /** Groups of heads that have norms of queries and keys of their own. */
  readonly modelParallelSize: number;
  /** Whether the logits of image tokens are masked: base Chameleon, which writes no images. */
  readonly maskImageLogits: boolean;
  /** Ids in [0, vocabulary) by the names of tokens; empty where the config has none. */
  readonly vocabularyMap: ReadonlyMap<string, number>;
}

// What an absent key stands for is what transformers' ChameleonConfig says; `mask_image_logits` is
// Lumina-mGPT's, and the format without it masks them.
const theta = real(1, 1e12);
/** What older releases of transformers say of positions beside `rope_theta`. */
const unscaled = objectOf({
  rope_type: only('default').optional(),
  type: only('default').optional(),
});
/** What newer ones say in the place of both. */
const ropeParameters = objectOf({
  rope_theta: theta.optional(),
  rope_type: only('default').optional(),
  partial_rotary_factor: only(1).optional(),
});
const schema = objectOf({
  model_type: only('chameleon'),
  vocab_size: whole(1, 2 ** 22),
  hidden_size: whole(2, 2 ** 16),
  intermediate_size: whole(1, 2 ** 20),
  num_hidden_layers: whole(1, 1024),
  num_attention_heads: whole(1, 1024),
  num_key_value_heads: whole(1, 1024).nullish(),
  max_position_embeddings: whole(1, 2 ** 24).default(4096),
  rms_norm_eps: real(0, 1).default(1e-5),
  rope_theta: theta.optional(),
  rope_parameters: ropeParameters.nullish(),
  model_parallel_size: whole(1, 1024).default(1),
  swin_norm: flag().default(false),
  mask_image_logits: flag().default(true),
  hidden_act: only('silu').default('silu'),
  rope_scaling: unscaled.nullish(),
  attention_bias: only(false).default(false),
  mlp_bias: only(false).default(false),
  tie_word_embeddings: only(false).default(false),
});

/**
 * The config of a checkpoint folder.
 *
 * Throws `ERR_WEIGHTS` when it is not that of a network that this package computes.
 *
 * @param folder  has a `config.json`
 */
export function readChameleonConfig(folder: string): ChameleonConfig {
  const path = join(folder, 'config.json');
  const keys = new Map(readConfigFile(path));
  // Not by the schema: a real one has 65,536 names.
  const map = keys.get('vocabulary_map') ?? null;
  keys.delete('vocabulary_map');
  const config = parseConfig(path, schema, keys);
  const { vocab_size: vocabulary, hidden_size: dim, num_attention_heads: heads } = config;
  const { model_parallel_size: modelParallelSize } = config;
  const kvHeads = config.num_key_value_heads ?? heads;
  const headDim = dim / heads;
  const evenHeads = `a multiple of twice num_attention_heads (${heads})`;
  requireThat(path, headDim % 2 === 0, 'hidden_size', evenHeads, dim);
  const divides = (what: string, part: number, of: string, count: number) =>
    requireThat(path, count % part === 0, what, `a divisor of ${of} (${count})`, part);
  divides('num_key_value_heads', kvHeads, 'num_attention_heads', heads);
  divides('model_parallel_size', modelParallelSize, 'num_key_value_heads', kvHeads);
  const inner = config.intermediate_size;
  const layers = config.num_hidden_layers;
  const attention = 2 * dim * (heads + kvHeads) * headDim;
  requireParameters(path, 2 * vocabulary * dim + layers * (attention + 3 * dim * inner));
  return {
    vocabulary,
    layers,
    dim,
    heads,
    kvHeads,
    headDim,
    inner,
    normEps: config.rms_norm_eps,
    ropeTheta: ropeThetaOf(path, config.rope_theta, config.rope_parameters?.rope_theta),
    swinNorm: config.swin_norm,
    maxPositions: config.max_position_embeddings,
    modelParallelSize,
    maskImageLogits: config.mask_image_logits,
    vocabularyMap: vocabularyMapOf(path, map, vocabulary),
  };
}

/** The processor of the reference appends it where a vocabulary ends: no logit and no embedding is its. */
const appendedToken = '<|image|>';

function ropeThetaOf(path: string, old: number | undefined, now: number | undefined): number {
  const both = old === undefined || now === undefined || old === now;
  requireThat(path, both, 'rope_parameters.rope_theta', `rope_theta (${old})`, `${now}`);
  return now ?? old ?? 10_000;
}

function vocabularyMapOf(path: string, map: Json, vocabulary: number): ReadonlyMap<string, number> {
  if (map === null) return new Map();
  if (!(map instanceof Map))
    throw weightsError(path, 'vocabulary_map', 'an object', 'another value');
  const ids = new Map<string, number>();
  for (const [name, id] of map) {
    if (name === appendedToken && id === vocabulary) continue;
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= vocabulary) {
      const what = `vocabulary_map of ${quoted(name)}`;
      throw weightsError(path, what, `an id in [0, ${vocabulary})`, JSON.stringify(id));
    }
    ids.set(name, id);
  }
  return ids;
}

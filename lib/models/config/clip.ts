import { join } from 'node:path';
import * as z from 'zod';
import {
  objectOf,
  only,
  parseConfig,
  readConfigFile,
  real,
  requireParameters,
  requireThat,
  whole,
} from './config_file.ts';

/** `gelu` is the exact one, `quick_gelu` is `x * sigmoid(1.702 x)`. */
export type ClipActivation = 'gelu' | 'quick_gelu';

/** What both towers have. */
export interface ClipTowerConfig {
  readonly width: number;
  readonly layers: number;
  /** Divide the width. */
  readonly heads: number;
  /** Width of the hidden layer between the two matrices of a block. */
  readonly inner: number;
  readonly activation: ClipActivation;
  readonly normEps: number;
  /** Width of the embeddings that both towers' results are projected to. */
  readonly projection: number;
}

/** The tower for pictures, as its config has it. */
export interface ClipVisionConfig extends ClipTowerConfig {
  /** Side of a patch, pixels; divides `imageSize`. */
  readonly patch: number;
  /** Side of the picture, pixels. */
  readonly imageSize: number;
}

/** The tower for texts, as its config has it. */
export interface ClipTextConfig extends ClipTowerConfig {
  readonly vocabulary: number;
  /** The longest text, tokens. */
  readonly positions: number;
  /** As the config has it; 2 in old configs, which means the largest id in the text instead. */
  readonly eosId: number;
}

/** Both towers of a CLIP. */
export interface ClipConfig {
  readonly vision: ClipVisionConfig;
  /** Undefined in a folder that holds the vision tower alone. */
  readonly text: ClipTextConfig | undefined;
}

// What an absent key stands for is what transformers' CLIPVisionConfig and CLIPTextConfig say: newer
// releases write only what differs from it.
const tower = {
  num_attention_heads: whole(1, 1024),
  num_hidden_layers: whole(1, 1024).default(12),
  hidden_act: only('gelu', 'quick_gelu').default('quick_gelu'),
  layer_norm_eps: real(0, 1).default(1e-5),
  projection_dim: whole(1, 2 ** 16).default(512),
};
const vision = objectOf({
  ...tower,
  num_attention_heads: tower.num_attention_heads.default(12),
  hidden_size: whole(1, 2 ** 16).default(768),
  intermediate_size: whole(1, 2 ** 20).default(3072),
  patch_size: whole(1, 2 ** 12).default(32),
  image_size: whole(1, 2 ** 14).default(224),
  num_channels: only(3).default(3),
});
const text = objectOf({
  ...tower,
  num_attention_heads: tower.num_attention_heads.default(8),
  hidden_size: whole(1, 2 ** 16).default(512),
  intermediate_size: whole(1, 2 ** 20).default(2048),
  vocab_size: whole(1, 2 ** 22).default(49408),
  max_position_embeddings: whole(1, 2 ** 20).default(77),
  eos_token_id: whole(0, 2 ** 22).default(49407),
});
const both = objectOf({
  model_type: only('clip'),
  vision_config: vision,
  text_config: text,
  projection_dim: tower.projection_dim,
});
const kind = objectOf({ model_type: z.string({ error: '"clip" or "clip_vision_model"' }) });

/**
 * The config of a checkpoint folder of CLIP, or of its vision tower alone.
 *
 * Throws `ERR_WEIGHTS` when it is not that of a network that this package computes.
 *
 * @param folder  has a `config.json`
 */
export function readClipConfig(folder: string): ClipConfig {
  const path = join(folder, 'config.json');
  const config = readConfigFile(path);
  if (parseConfig(path, kind, config).model_type === 'clip_vision_model') {
    const tower = parseConfig(path, vision, config);
    return { vision: visionOf(path, tower, tower.projection_dim), text: undefined };
  }
  const { vision_config, text_config, projection_dim } = parseConfig(path, both, config);
  return {
    vision: visionOf(path, vision_config, projection_dim),
    text: textOf(path, text_config, projection_dim),
  };
}

function visionOf(
  path: string,
  config: z.output<typeof vision>,
  projection: number,
): ClipVisionConfig {
  const { patch_size: patch, image_size: imageSize } = config;
  requireThat(path, imageSize % patch === 0, 'image_size', `a multiple of ${patch}`, imageSize);
  const tokens = (imageSize / patch) ** 2 + 1;
  return { ...towerOf(path, config, projection, 3 * patch ** 2 + tokens), patch, imageSize };
}

function textOf(path: string, config: z.output<typeof text>, projection: number): ClipTextConfig {
  const { vocab_size: vocabulary, max_position_embeddings: positions } = config;
  const tower = towerOf(path, config, projection, vocabulary + positions);
  return { ...tower, vocabulary, positions, eosId: config.eos_token_id };
}

/** @param rows  of the width, outside of the blocks */
function towerOf(
  path: string,
  config: z.output<typeof vision> | z.output<typeof text>,
  projection: number,
  rows: number,
): ClipTowerConfig {
  const { hidden_size: width, num_attention_heads: heads, intermediate_size: inner } = config;
  const { num_hidden_layers: layers } = config;
  requireThat(path, width % heads === 0, 'hidden_size', `a multiple of ${heads}`, width);
  const block = 4 * width ** 2 + 2 * width * inner;
  requireParameters(path, rows * width + layers * block + width * projection);
  const { hidden_act: activation, layer_norm_eps: normEps } = config;
  return { width, layers, heads, inner, activation, normEps, projection };
}

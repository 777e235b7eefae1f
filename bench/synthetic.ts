/**
 * Writes a checkpoint of the released sizes, names and formats, with random weights:
 *
 *   npm run bench:synthetic -- <folder> --tokenizer tokenizer.json [--layers n]
 *
 * The transformer is Lumina-mGPT-7B's (bf16, in shards), CLIP ViT-H/14 and the resampler are in f32, as
 * is the VQGAN. Written tensor by tensor: memory stays under 1.5 GB.
 */

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TensorToWrite, writeSafetensors } from '../lib/index.ts';
import { programOptions } from './options.ts';

type Named = readonly (readonly [name: string, shape: readonly number[]])[];

/** Lumina-mGPT-7B. */
const lm = { vocabulary: 65536, dim: 4096, heads: 32, headDim: 128, inner: 11008, layers: 32 };

function transformer(layers: number): Named {
  const { vocabulary, dim, heads, headDim, inner } = lm;
  const perLayer = (i: number): Named => {
    const at = `model.layers.${i}`;
    const norms = ['q_norm', 'k_norm'].flatMap((norm) =>
      ['weight', 'bias'].map((leaf) => [`${at}.self_attn.${norm}.${leaf}`, [1, headDim]] as const),
    );
    const square = ['q_proj', 'k_proj', 'v_proj', 'o_proj'].map(
      (name) => [`${at}.self_attn.${name}.weight`, [heads * headDim, dim]] as const,
    );
    return [
      ...square,
      ...norms,
      [`${at}.mlp.gate_proj.weight`, [inner, dim]],
      [`${at}.mlp.up_proj.weight`, [inner, dim]],
      [`${at}.mlp.down_proj.weight`, [dim, inner]],
      [`${at}.input_layernorm.weight`, [dim]],
      [`${at}.post_attention_layernorm.weight`, [dim]],
    ];
  };
  return [
    ['model.embed_tokens.weight', [vocabulary, dim]],
    ...Array.from({ length: layers }, (_, i) => perLayer(i)).flat(),
    ['model.norm.weight', [dim]],
    ['lm_head.weight', [vocabulary, dim]],
  ];
}

function adapter(layers: number): Named {
  const { vocabulary, dim, inner } = lm;
  const pair = (at: string, from: number, to: number): Named => [
    [`${at}.A`, [from, 4]],
    [`${at}.B`, [4, to]],
  ];
  const perLayer = (i: number): Named => [
    ...['q', 'k', 'v', 'o'].flatMap((p) =>
      pair(`model.layers.${i}.self_attn.${p}_proj_lora`, dim, dim),
    ),
    ...pair(`model.layers.${i}.mlp.down_proj_lora`, inner, dim),
  ];
  return [
    ...Array.from({ length: layers }, (_, i) => perLayer(i)).flat(),
    ...pair('lm_head.lm_head_lora', dim, vocabulary),
  ];
}

function clipVision(): Named {
  const [width, inner] = [1280, 5120];
  const affine = (at: string): Named => [
    [`${at}.weight`, [width]],
    [`${at}.bias`, [width]],
  ];
  const product = (at: string, to: number, from: number): Named => [
    [`${at}.weight`, [to, from]],
    [`${at}.bias`, [to]],
  ];
  const perLayer = (i: number): Named => {
    const at = `vision_model.encoder.layers.${i}`;
    return [
      ...affine(`${at}.layer_norm1`),
      ...affine(`${at}.layer_norm2`),
      ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap((p) =>
        product(`${at}.self_attn.${p}`, width, width),
      ),
      ...product(`${at}.mlp.fc1`, inner, width),
      ...product(`${at}.mlp.fc2`, width, inner),
    ];
  };
  return [
    ['vision_model.embeddings.class_embedding', [width]],
    ['vision_model.embeddings.patch_embedding.weight', [width, 3, 14, 14]],
    ['vision_model.embeddings.position_embedding.weight', [257, width]],
    ...affine('vision_model.pre_layrnorm'),
    ...Array.from({ length: 32 }, (_, i) => perLayer(i)).flat(),
    ...affine('vision_model.post_layernorm'),
    ['visual_projection.weight', [1024, width]],
  ];
}

function resampler(): Named {
  const [dim, inner, from, wide] = [4096, 768, 1280, 16384];
  const affine = (at: string): Named => [
    [`${at}.weight`, [dim]],
    [`${at}.bias`, [dim]],
  ];
  const perLayer = (l: number): Named => [
    ...affine(`layers.${l}.0.norm1`),
    ...affine(`layers.${l}.0.norm2`),
    [`layers.${l}.0.to_q.weight`, [inner, dim]],
    [`layers.${l}.0.to_kv.weight`, [2 * inner, dim]],
    [`layers.${l}.0.to_out.weight`, [dim, inner]],
    ...affine(`layers.${l}.1.0`),
    [`layers.${l}.1.1.weight`, [wide, dim]],
    [`layers.${l}.1.3.weight`, [dim, wide]],
  ];
  return [
    ['latents', [1, 16, dim]],
    ['proj_in.weight', [dim, from]],
    ['proj_in.bias', [dim]],
    ['proj_out.weight', [dim, dim]],
    ['proj_out.bias', [dim]],
    ...affine('norm_out'),
    ...[0, 1, 2, 3].flatMap(perLayer),
  ];
}

function vqgan(): Named {
  const [base, z] = [128, 256];
  const multipliers = [1, 1, 2, 2, 4];
  const conv = (at: string, to: number, from: number, kernel: number): Named => [
    [`${at}.weight`, [to, from, kernel, kernel]],
    [`${at}.bias`, [to]],
  ];
  const norm = (at: string, channels: number): Named => [
    [`${at}.weight`, [channels]],
    [`${at}.bias`, [channels]],
  ];
  const block = (at: string, from: number, to: number): Named => [
    ...norm(`${at}.norm1`, from),
    ...conv(`${at}.conv1`, to, from, 3),
    ...norm(`${at}.norm2`, to),
    ...conv(`${at}.conv2`, to, to, 3),
    ...(from === to ? [] : conv(`${at}.nin_shortcut`, to, from, 1)),
  ];
  const middle = (at: string, channels: number): Named => [
    ...block(`${at}.mid.block_1`, channels, channels),
    ...norm(`${at}.mid.attn_1.norm`, channels),
    ...['q', 'k', 'v', 'proj_out'].flatMap((name) =>
      conv(`${at}.mid.attn_1.${name}`, channels, channels, 1),
    ),
    ...block(`${at}.mid.block_2`, channels, channels),
  ];
  const named: (readonly [string, readonly number[]])[] = [];
  named.push(...conv('encoder.conv_in', base, 3, 3));
  let channels = base;
  multipliers.forEach((multiplier, level) => {
    for (let i = 0; i < 2; i++) {
      named.push(...block(`encoder.down.${level}.block.${i}`, channels, base * multiplier));
      channels = base * multiplier;
    }
    if (level < 4)
      named.push(...conv(`encoder.down.${level}.downsample.conv`, channels, channels, 3));
  });
  named.push(...middle('encoder', channels), ...norm('encoder.norm_out', channels));
  named.push(...conv('encoder.conv_out', z, channels, 3), ['quantize.embedding.weight', [8192, z]]);
  named.push(...conv('quant_conv', z, z, 1), ...conv('post_quant_conv', z, z, 1));
  named.push(...conv('decoder.conv_in', channels, z, 3), ...middle('decoder', channels));
  for (const level of [4, 3, 2, 1, 0]) {
    for (let i = 0; i < 3; i++) {
      named.push(...block(`decoder.up.${level}.block.${i}`, channels, base * multipliers[level]!));
      channels = base * multipliers[level]!;
    }
    if (level > 0) named.push(...conv(`decoder.up.${level}.upsample.conv`, channels, channels, 3));
  }
  named.push(...norm('decoder.norm_out', channels), ...conv('decoder.conv_out', 3, channels, 3));
  return named;
}

/** Normal values with a deviation of about 0.02, in order; more than that is read around in circles. */
const noiseLength = 2 ** 22;
const noise = Float32Array.from({ length: noiseLength }, () => {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  return 0.02 * radius * Math.cos(2 * Math.PI * Math.random());
});

/** Weights of norms around 1, all others around 0. */
function tensorOf(name: string, shape: readonly number[], dtype: 'F32' | 'BF16'): TensorToWrite {
  const isScale = /norm\w*\.weight$|norm\d?\.weight$|\.1\.0\.weight$/.test(name);
  const count = shape.reduce((a, b) => a * b, 1);
  const shift = Math.floor(Math.random() * noiseLength);
  const elements = () => {
    if (dtype === 'F32') {
      const values = new Float32Array(count);
      for (let i = 0; i < count; i++)
        values[i] = noise[(i + shift) % noiseLength]! + (isScale ? 1 : 0);
      return new Uint8Array(values.buffer);
    }
    const bits = new Uint32Array(noise.buffer);
    const values = new Uint16Array(count);
    for (let i = 0; i < count; i++) values[i] = bits[(i + shift) % noiseLength]! >>> 16;
    if (isScale) values.fill(0x3f80);
    return new Uint8Array(values.buffer);
  };
  return { dtype, shape, elements };
}

async function write(file: string, named: Named, dtype: 'F32' | 'BF16'): Promise<void> {
  mkdirSync(path.dirname(file), { recursive: true });
  const tensors = named.map(([name, shape]) => [name, tensorOf(name, shape, dtype)] as const);
  await writeSafetensors(file, new Map(tensors));
  console.log(file);
}

const { values, positionals } = programOptions(import.meta.filename, {
  allowPositionals: true,
  options: {
    layers: { type: 'string', default: `${lm.layers}` },
    tokenizer: { type: 'string' },
  },
});
const [folder] = positionals;
if (!folder || !values.tokenizer)
  throw new Error('expected a folder to write to, and --tokenizer with the names of image tokens');
const layers = Number(values.layers);
const at = (...parts: string[]) => path.join(folder, ...parts);
const json = (file: string, value: unknown) => {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
};

mkdirSync(folder, { recursive: true });
copyFileSync(values.tokenizer, at('tokenizer.json'));
json(at('stylear.json'), {
  format: 'stylear',
  version: 1,
  transformer: 'transformer',
  adapter: 'stylear/model.safetensors',
  resampler: 'stylear/image_proj.safetensors',
  clip: 'clip',
  vqgan: 'vqgan/vqgan.safetensors',
  vqgan_config: 'vqgan/vqgan.yaml',
  tokenizer: 'tokenizer.json',
});

const names = transformer(layers);
const perShard = Math.ceil(names.length / Math.ceil(layers / 8));
const map: Record<string, string> = {};
const shards = Math.ceil(names.length / perShard);
for (let shard = 0; shard < shards; shard++) {
  const number = (n: number) => `${n}`.padStart(5, '0');
  const file = `model-${number(shard + 1)}-of-${number(shards)}.safetensors`;
  const own = names.slice(shard * perShard, (shard + 1) * perShard);
  await write(at('transformer', file), own, 'BF16');
  for (const [name] of own) map[name] = file;
}
json(at('transformer', 'model.safetensors.index.json'), { metadata: {}, weight_map: map });
json(at('transformer', 'config.json'), {
  model_type: 'chameleon',
  vocab_size: lm.vocabulary,
  hidden_size: lm.dim,
  intermediate_size: lm.inner,
  num_hidden_layers: layers,
  num_attention_heads: lm.heads,
  num_key_value_heads: lm.heads,
  max_position_embeddings: 4096,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  model_parallel_size: 1,
  swin_norm: false,
  mask_image_logits: false,
});
await write(at('stylear', 'model.safetensors'), adapter(layers), 'BF16');
await write(at('stylear', 'image_proj.safetensors'), resampler(), 'F32');
await write(at('clip', 'model.safetensors'), clipVision(), 'F32');
json(at('clip', 'config.json'), {
  model_type: 'clip_vision_model',
  hidden_size: 1280,
  intermediate_size: 5120,
  num_hidden_layers: 32,
  num_attention_heads: 16,
  patch_size: 14,
  image_size: 224,
  hidden_act: 'gelu',
  layer_norm_eps: 1e-5,
  projection_dim: 1024,
});
json(at('clip', 'preprocessor_config.json'), {
  do_resize: true,
  do_center_crop: true,
  do_normalize: true,
  resample: 3,
  size: 224,
  crop_size: 224,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
});
await write(at('vqgan', 'vqgan.safetensors'), vqgan(), 'F32');
mkdirSync(at('vqgan'), { recursive: true });
writeFileSync(
  at('vqgan', 'vqgan.yaml'),
  `model:
  params:
    embed_dim: 256
    n_embed: 8192
    ddconfig:
      double_z: false
      z_channels: 256
      resolution: 512
      in_channels: 3
      out_ch: 3
      ch: 128
      ch_mult:
      - 1
      - 1
      - 2
      - 2
      - 4
      num_res_blocks: 2
      attn_resolutions: []
      dropout: 0.0
`,
);

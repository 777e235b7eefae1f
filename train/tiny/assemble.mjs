// From what the stages left to a folder that `StyleAR.load` opens.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { convertWeights } from '../../dist/weights/convert_weights.js';
import { readPieces } from '../../dist/weights/stored_tensor.js';
import { WeightSource } from '../../dist/weights/weight_source.js';
import { writeSafetensors } from '../../dist/weights/write_safetensors.js';

const settings = {
  format: 'stylear',
  version: 1,
  transformer: 'transformer',
  resampler: 'stylear/image_proj.safetensors',
  resampler_config: 'stylear/resampler_config.json',
  clip: 'clip',
  vqgan: 'vqgan/model.safetensors',
  vqgan_config: 'vqgan/vqgan.yaml',
  tokenizer: 'tokenizer.json',
  layout: { codes: 1024, grid_max: 4, codes_per_unit: 4, unit_pixels: 32 },
  target_size: 64,
  guidance: 5,
  image_top_k: 256,
  temperature: 0.5,
  noise_strength: 0.1,
  residual_ratio: 0.5,
};

/**
 * @param {string} work    the folder with `networks` and `runs`
 * @param {string} folder  what is made
 * @param {{ adapter?: string, shipped?: boolean }} [options] the run that left the adapter, and the
 *   resampler where it trained that; shipped: matrices and kernels in 8 bits, all else in bf16, and no
 *   tower for texts
 */
export async function assemble(work, folder, { adapter, shipped = false } = {}) {
  const network = (file) => join(work, 'networks', file);
  const run = (file) => join(work, 'runs', file);
  for (const part of ['transformer', 'clip', 'vqgan', 'stylear'])
    mkdirSync(join(folder, part), { recursive: true });
  const copies = {
    'transformer/config.json': 'transformer/config.json',
    'tokenizer.json': 'transformer/tokenizer.json',
    'clip/preprocessor_config.json': 'clip/preprocessor_config.json',
    'vqgan/vqgan.yaml': 'vqgan/vqgan.yaml',
    'stylear/resampler_config.json': 'resampler_config.json',
  };
  for (const [to, from] of Object.entries(copies)) copyFileSync(network(from), join(folder, to));
  if (shipped) writeVisionConfig(network('clip/config.json'), join(folder, 'clip/config.json'));
  else
    for (const file of ['clip/config.json', 'clip/tokenizer.json'])
      copyFileSync(network(file), join(folder, file));
  const put = (from, to, options = {}) =>
    existsSync(run(from)) ? write(run(from), join(folder, to), { shipped, ...options }) : undefined;
  await put('base/model.safetensors', 'transformer/model.safetensors', { int8: true });
  await put('vqgan/model.safetensors', 'vqgan/model.safetensors', { int8: true });
  await put('clip/model.safetensors', 'clip/model.safetensors', {
    int8: true,
    only: 'vision_model.',
  });
  if (adapter === undefined) return;
  const resampler = existsSync(run(`${adapter}/image_proj.safetensors`)) ? adapter : 'style';
  await put(`${resampler}/image_proj.safetensors`, 'stylear/image_proj.safetensors', {
    int8: true,
  });
  await put(`${adapter}/model.safetensors`, 'stylear/model.safetensors');
  const json = { ...settings, adapter: 'stylear/model.safetensors' };
  writeFileSync(join(folder, 'stylear.json'), `${JSON.stringify(json, undefined, 2)}\n`);
}

async function write(from, to, { shipped, int8 = false, only = '' }) {
  if (!shipped) {
    copyFileSync(from, to);
    return;
  }
  const [some, halves] = [`${to}.some.safetensors`, `${to}.halves.safetensors`];
  const source = new WeightSource(from);
  const names = [...source.names()].filter((name) => name.startsWith(only));
  const tensorOf = ({ source, stored }) => {
    const { dtype, shape } = stored;
    return { dtype, shape, elements: () => readPieces(source, stored) };
  };
  await writeSafetensors(some, new Map(names.map((name) => [name, tensorOf(source.get(name))])));
  source.close();
  await convertWeights(some, halves, { dtype: 'bf16' });
  await convertWeights(halves, to, { dtype: int8 ? 'int8' : 'keep' });
  for (const file of [some, halves]) rmSync(file);
}

/** The config of CLIP's tower for pictures by itself. */
function writeVisionConfig(from, to) {
  const { vision_config, projection_dim } = JSON.parse(readFileSync(from, 'utf8'));
  const config = { ...vision_config, projection_dim };
  writeFileSync(to, `${JSON.stringify(config, undefined, 2)}\n`);
}

/** A model folder with a transformer of another size and random values, for figures of larger ones. */

import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { openDevice, Weights } from '../lib/index.ts';
import { Chameleon } from '../lib/models/chameleon.ts';
import { readChameleonConfig } from '../lib/models/config/chameleon.ts';
import { readResamplerConfig } from '../lib/models/config/resampler.ts';
import { Resampler } from '../lib/models/resampler.ts';

/**
 * Writes `to`: what `from` has, its transformer and resampler replaced by fresh ones in bf16, without the
 * adapter.
 *
 * @param from   a folder with `stylear.json`
 * @param to     is made
 * @param dim    width of the transformer, a multiple of 64, which is that of a head
 * @param layers of the transformer
 */
export async function widen(
  from: string,
  to: string,
  { dim, layers }: { readonly dim: number; readonly layers: number },
): Promise<void> {
  const readJson = (file: string) =>
    JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  const { adapter: _, ...model } = readJson(path.join(from, 'stylear.json'));
  mkdirSync(to);
  const kept = ['clip', 'vqgan', 'vqgan_config', 'tokenizer'].map((part) => model[part]!);
  for (const file of new Set(kept.map((one) => one.split('/')[0]!)))
    symlinkSync(path.resolve(from, file), path.join(to, file));

  const transformer = {
    ...readJson(path.join(from, model.transformer!, 'config.json')),
    ...{ hidden_size: dim, num_hidden_layers: layers, intermediate_size: Math.ceil(dim / 24) * 64 },
    ...{ num_attention_heads: dim / 64, num_key_value_heads: dim / 64 },
  };
  const resampler = { ...readJson(path.join(from, model.resampler_config!)), output_dim: dim };
  mkdirSync(path.join(to, 'transformer'));
  const own = {
    transformer: 'transformer',
    resampler: 'resampler.safetensors',
    resampler_config: 'resampler.json',
  };
  const write = (file: string, json: object) =>
    writeFileSync(path.join(to, file), JSON.stringify(json));
  write('transformer/config.json', transformer);
  write(own.resampler_config, resampler);
  write('stylear.json', { ...model, ...own });

  await using device = await openDevice('cpu');
  const save = async (file: string, build: (w: Weights) => void) => {
    using w = Weights.fresh(device, { dtype: 'bf16', seed: 1 });
    build(w);
    await w.save(path.join(to, file));
  };
  const config = readChameleonConfig(path.join(to, 'transformer'));
  await save('transformer/model.safetensors', (w) => void new Chameleon(w, config));
  const sizes = readResamplerConfig(path.join(to, own.resampler_config));
  await save(own.resampler, (w) => void new Resampler(w, sizes));
}

import { join } from 'node:path';
import { contentOfShards } from '../shards/content_of_shards.ts';
import { contentOfFiles } from '../weights/fingerprint.ts';
import type { TrainConfig } from './config.ts';
import { startOf } from './start.ts';

/** What a config names files or folders by, beside its data. */
const named: ReadonlySet<string> = new Set([
  ...['network', 'start', 'transformer', 'tokenizer', 'clip'],
  ...['resamplerConfig', 'resampler', 'adapter'],
]);

/**
 * What a training is of, as JSON: its config, with what is in files in the place of where they are. What
 * is measured on the way changes nothing, and may be another when a training goes on.
 */
export function trainingIdentity(config: TrainConfig): string {
  const { data, output, evaluation, ...others } = withFilesOfNetwork(config);
  const settings = Object.entries(others).map(([key, value]) => [
    key,
    named.has(key) && typeof value === 'string' ? contentOfFiles([value]) : value,
  ]);
  const sources = data.sources.map(({ shards, share }) => {
    return { shards: contentOfShards(shards), share };
  });
  return JSON.stringify({ ...Object.fromEntries(settings), data: { sources } });
}

/** A VQGAN may be written to its own folder, whose other files are then those of the run. */
function withFilesOfNetwork(config: TrainConfig): TrainConfig {
  if (config.stage !== 'vqgan') return config;
  return { ...config, network: join(config.network, 'vqgan.yaml'), start: startOf(config) };
}

import { ClipEmbedder } from '../curate/clip_embedder.ts';
import { type CurateConfig, type CurateConfigOf, readCurateConfig } from '../curate/config.ts';
import { curate } from '../curate/curate.ts';
import type { CurationOptions } from '../curate/curation_options.ts';
import { type CurationReport, outputFiles } from '../curate/output.ts';
import { clipScore, curatePreferences } from '../curate/preferences.ts';
import { drawSamples } from '../generate/draw_samples.ts';
import { StyleAR } from '../generate/stylear.ts';
import type { Device } from '../tensor/device.ts';
import { fingerprint } from '../weights/fingerprint.ts';
import { Progress } from './progress.ts';
import { type StoppableOptions, stoppable } from './stoppable.ts';

/**
 * `stylear curate <config>`: prints the config with its defaults, makes the shards that it asks for, and
 * goes on where an earlier run stopped. An interruption stops it within a sample.
 *
 * @returns the exit status: 0 when it came to its end, 1 when it was stopped
 */
export async function curateCommand(file: string, options: StoppableOptions): Promise<number> {
  const config = readCurateConfig(file);
  return await stoppable(config, options, async (device, signal) => {
    const progress = new Progress();
    try {
      const { samples } = await curated(config, device, {
        signal,
        onProgress: (stage, done, total) => progress.update(done, total, stage),
      });
      progress.say(`${outputFiles(config.output).index}: ${samples} samples`);
      return 0;
    } finally {
      progress.clear();
    }
  });
}

function curated(
  config: CurateConfig,
  device: Device,
  options: CurationOptions,
): Promise<CurationReport> {
  return config.kind === 'preferences'
    ? preferences(config, device, options)
    : curate(config, device, options);
}

/** Pairs of what a StyleAR draws, by CLIP. */
async function preferences(
  config: CurateConfigOf<'preferences'>,
  device: Device,
  options: CurationOptions,
): Promise<CurationReport> {
  const { model, clip: clipFolder, weights, batchSize: batch } = config;
  await using stylear = await StyleAR.load(model, { device });
  using clip = ClipEmbedder.open(clipFolder, device);
  const parts = {
    draw: (requests: Parameters<typeof drawSamples>[1]) =>
      drawSamples(stylear, requests, { batch, signal: options.signal }),
    score: clipScore(clip, weights),
    identity: `${stylear.hash} ${JSON.stringify(stylear.config.defaults)} ${fingerprint([clipFolder])}`,
  };
  return await curatePreferences(config, parts, options);
}

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixturesFolder, hasFixture } from './fixtures.ts';

const parts = {
  transformer: 'e2e/ckpt',
  stylear: 'e2e/stylear',
  clip: 'clip/ckpt',
  vqgan: 'vqgan/ckpt',
  'tokenizer.json': 'tokenizer/hf/tokenizer.json',
} as const;

const config = {
  format: 'stylear',
  version: 1,
  transformer: 'transformer',
  adapter: 'stylear/model.safetensors',
  resampler: 'stylear/image_proj.pth',
  resampler_config: 'stylear/resampler_config.json',
  clip: 'clip',
  vqgan: 'vqgan',
  tokenizer: 'tokenizer.json',
  target_size: 96,
} as const;

/** Whether the golden fixtures are there, of which the small model is made. */
export const hasSmallModel = (): boolean => Object.values(parts).every(hasFixture);

/**
 * Puts a whole StyleAR together in a new folder: in the real file formats, of a few million parameters
 * with random values. It draws a picture in milliseconds.
 */
export function assembleSmallModel(folder: string, fixtures = fixturesFolder): void {
  mkdirSync(folder);
  for (const [part, from] of Object.entries(parts))
    symlinkSync(join(fixtures, from), join(folder, part));
  writeFileSync(join(folder, 'stylear.json'), JSON.stringify(config));
}

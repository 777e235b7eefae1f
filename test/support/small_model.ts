// A whole StyleAR in the real file formats that draws a picture in milliseconds: the parts of the golden
// fixtures, put together.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
import { fixturesFolder, hasFixture } from './fixtures.ts';

export interface SmallModel {
  /** With a `stylear.json`. */
  readonly folder: string;
  /** An empty folder for what a test writes. */
  readonly scratch: string;
  /** Pictures. */
  readonly style: string;
  readonly subject: string;
  readonly condition: string;
}

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

/** A `describe` with the small model; without the golden fixtures it is skipped and says so. */
export function withSmallModel(name: string, body: (model: SmallModel) => void): void {
  if (!Object.values(parts).every(hasFixture)) {
    console.log(`not tested here: ${name}; the golden fixtures are not at ${fixturesFolder}`);
    describe.skip(name, () => test('with the small model'));
    return;
  }
  const root = mkdtempSync(join(tmpdir(), 'stylear-small-'));
  const picture = (file: string) => join(fixturesFolder, 'e2e/images', file);
  describe(name, () => {
    afterAll(() => rmSync(root, { recursive: true }));
    body({
      folder: assemble(root),
      scratch: root,
      style: picture('style.png'),
      subject: picture('subject.png'),
      condition: picture('cond.png'),
    });
  });
}

function assemble(root: string): string {
  const folder = join(root, 'model');
  mkdirSync(folder);
  for (const [part, from] of Object.entries(parts))
    symlinkSync(join(fixturesFolder, from), join(folder, part));
  writeFileSync(join(folder, 'stylear.json'), JSON.stringify(config));
  return folder;
}

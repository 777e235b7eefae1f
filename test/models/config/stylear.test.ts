import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readStyleARConfig } from '../../../lib/models/config/stylear.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-json-'));
afterAll(() => rmSync(folder, { recursive: true }));
for (const part of ['transformer', 'clip', 'vqgan']) mkdirSync(join(folder, part));
for (const file of ['vqgan/vqgan.ckpt', 'vqgan/vqgan.yaml', 'image_proj.pth', 'tokenizer.json'])
  writeFileSync(join(folder, file), '');

const parts = {
  format: 'stylear',
  version: 1,
  transformer: 'transformer',
  resampler: 'image_proj.pth',
  clip: 'clip',
  vqgan: 'vqgan',
  tokenizer: 'tokenizer.json',
};

function read(more: object) {
  writeFileSync(join(folder, 'stylear.json'), JSON.stringify({ ...parts, ...more }));
  return readStyleARConfig(folder);
}

describe('stylear.json', () => {
  test('means the released model where it says no more than where the parts are', () => {
    const { files, defaults } = read({});
    expect(files.vqgan).toBe(join(folder, 'vqgan/vqgan.ckpt'));
    expect(defaults).toEqual({
      layout: 'chameleon',
      targetSize: 768,
      guidance: 4,
      imageTopK: 2000,
      temperature: 1,
      noiseStrength: 0.3,
      conditionNoiseStrength: 0.1,
      subtraction: 0.8,
      residualRatio: 0.2,
    });
  });

  test('may say how large the pictures of its vocabulary are', () => {
    const layout = { codes: 1024, grid_max: 4, codes_per_unit: 4, unit_pixels: 32 };
    const { defaults } = read({ layout, target_size: 96, guidance: 2.5, residual_ratio: 0.5 });
    expect(defaults).toMatchObject({
      layout: { codes: 1024, gridMax: 4, codesPerUnit: 4, unitPixels: 32 },
      targetSize: 96,
      guidance: 2.5,
      residualRatio: 0.5,
    });
  });

  test('finds the tokenizer of a folder under the names that releases give it', () => {
    const names = ['tokenizer/text_tokenizer.json', 'text_tokenizer.json', 'tokenizer.json'];
    mkdirSync(join(folder, 'tokens', 'tokenizer'), { recursive: true });
    expect(() => read({ tokenizer: 'tokens' })).toThrow(
      `${join(folder, 'tokens')}: expected the tokenizer to be tokenizer.json or text_tokenizer.json ` +
        'or tokenizer/text_tokenizer.json, got none. Download tokenizer.json of Lumina-mGPT-7B-768.',
    );
    for (const name of names) {
      const file = join(folder, 'tokens', name);
      writeFileSync(file, '');
      expect(read({ tokenizer: 'tokens' }).files.tokenizer).toBe(file);
    }
  });

  test.each([
    [{ layout: 'lumina3' }, 'layout to be "chameleon", "lumina2" or an object of codes'],
    [{ layout: { codes: 1024 } }, 'layout to be "chameleon", "lumina2" or an object of codes'],
    [{ target_size: 8 }, 'target_size to be a whole number in [32, 8192], got 8'],
    [{ vqgan: '../vqgan' }, 'expected the path ../vqgan to be within the folder'],
    [{ clip: 'nowhere' }, 'expected the clip to be there, got nothing'],
  ])('is refused with %j', (more, message) => {
    expect(() => read(more)).toThrow(message);
  });
});

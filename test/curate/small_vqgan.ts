// A VQGAN of 16 codes that nobody trained, and the tokenizer of its vocabulary.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodePicture } from '../../lib/image/encode.ts';
import { makePicture, type Picture } from '../../lib/image/picture.ts';
import { type Device, Vqgan, Weights } from '../../lib/index.ts';
import { readVqganConfig } from '../../lib/models/config/vqgan.ts';
import { encodeSample } from '../../lib/shards/training_sample.ts';
import { writeSampleShards } from '../../lib/shards/write_shards.ts';
import { chameleonTokenizer } from '../text/small_tokenizer.ts';

/** Its `vqgan.yaml`. */
export const vqganYaml = `model:
  params:
    embed_dim: 4
    n_embed: 16
    ddconfig:
      double_z: false
      z_channels: 8
      resolution: 8
      in_channels: 3
      out_ch: 3
      ch: 32
      ch_mult: [1, 1]
      num_res_blocks: 1
      attn_resolutions: []
`;

/** What a config says of it: codes of 2 x 2 pixels, grid units of 4 x 4. */
export const smallTokenizerConfig = {
  vqgan: 'vqgan/model.safetensors',
  vqganConfig: 'vqgan/vqgan.yaml',
  tokenizer: 'vqgan/tokenizer.json',
  layout: { codes: 16, gridMax: 8, codesPerUnit: 2, unitPixels: 4 },
} as const;

/** Puts it into a new folder `vqgan` of the given one. */
export async function writeSmallVqgan(root: string, device: Device): Promise<void> {
  const folder = join(root, 'vqgan');
  mkdirSync(folder);
  writeFileSync(join(folder, 'vqgan.yaml'), vqganYaml);
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(chameleonTokenizer()));
  using weights = Weights.fresh(device, { seed: 1 });
  new Vqgan(weights, readVqganConfig(join(folder, 'vqgan.yaml')));
  await weights.save(join(folder, 'model.safetensors'));
}

/** Of speckles that depend on the seed. */
export const speckled = (seed: number, width = 8, height = 8): Picture =>
  makePicture(
    'RGB',
    width,
    height,
    Uint8Array.from({ length: width * height * 3 }, (_, at) => (at * (seed + 3) * 37) % 256),
  );

/** With pixels that compare, whatever kind of array they came in. */
export const plain = (picture: Picture) => ({ ...picture, pixels: [...picture.pixels] });

/** Captioned pictures as shards. */
export async function writePictures(
  stem: string,
  pictures: readonly Picture[],
  more: object = {},
): Promise<void> {
  const samples = pictures.map(async (picture, i) => {
    const bytes = await encodePicture(picture);
    const sample = { key: `${i}`, caption: `number ${i}`, style: { i }, ...more };
    return encodeSample({ ...sample, picture: { format: 'png', bytes } });
  });
  await writeSampleShards(stem, await Promise.all(samples));
}

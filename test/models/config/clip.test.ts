import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readClipConfig } from '../../../lib/models/config/clip.ts';
import { fixturesFolder, hasFixture } from '../../support/fixtures.ts';
import { temporaryFolder } from './folder.ts';

const { path: folder, write } = temporaryFolder();
const file = join(folder, 'config.json');

/** The sizes of ViT-H/14, and nothing that is as the format has it anyway. */
const vision = {
  hidden_size: 1280,
  intermediate_size: 5120,
  num_hidden_layers: 32,
  num_attention_heads: 16,
  patch_size: 14,
  hidden_act: 'gelu',
};
const text = {
  hidden_size: 1024,
  intermediate_size: 4096,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  hidden_act: 'gelu',
};
const clip = { model_type: 'clip', projection_dim: 1024, vision_config: vision, text_config: text };

const read = (config: unknown) => {
  write('config.json', config);
  return readClipConfig(folder);
};

describe('readClipConfig', () => {
  test('gives both towers by our names', () => {
    expect(read(clip)).toEqual({
      vision: {
        width: 1280,
        layers: 32,
        heads: 16,
        inner: 5120,
        activation: 'gelu',
        normEps: 1e-5,
        projection: 1024,
        patch: 14,
        imageSize: 224,
      },
      text: {
        width: 1024,
        layers: 24,
        heads: 16,
        inner: 4096,
        activation: 'gelu',
        normEps: 1e-5,
        projection: 1024,
        vocabulary: 49408,
        positions: 77,
        eosId: 49407,
      },
    });
  });

  test('takes what is absent for what the format says', () => {
    const empty = read({ model_type: 'clip', vision_config: {}, text_config: {} });
    expect(empty.vision).toMatchObject({ width: 768, heads: 12, patch: 32, projection: 512 });
    expect(empty.text).toMatchObject({ width: 512, heads: 8, activation: 'quick_gelu' });
  });

  test('reads the folder of a vision tower alone', () => {
    const alone = read({ ...vision, model_type: 'clip_vision_model', projection_dim: 1024 });
    expect(alone.vision).toEqual(read(clip).vision);
    expect(alone.text).toBeUndefined();
  });

  test.each([
    ['another model', { ...clip, model_type: 'siglip' }, 'model_type to be "clip", got "siglip"'],
    [
      'no model',
      { ...clip, model_type: undefined },
      'model_type to be "clip" or "clip_vision_model", got nothing',
    ],
    ['no towers', { model_type: 'clip' }, 'vision_config to be an object, got nothing'],
    [
      'another activation',
      { ...clip, text_config: { ...text, hidden_act: 'relu' } },
      'text_config.hidden_act to be "gelu" or "quick_gelu", got "relu"',
    ],
    [
      'patches that do not fill the picture',
      { ...clip, vision_config: { ...vision, image_size: 225 } },
      'image_size to be a multiple of 14, got 225',
    ],
    [
      'heads that do not divide',
      { ...clip, text_config: { ...text, num_attention_heads: 3 } },
      'hidden_size to be a multiple of 3, got 1024',
    ],
    [
      'a size beyond bounds',
      { ...clip, vision_config: { ...vision, patch_size: 2 ** 13 } },
      'vision_config.patch_size to be a whole number in [1, 4096], got 8192',
    ],
    [
      'sizes whose product is beyond bounds',
      {
        ...clip,
        vision_config: {
          ...vision,
          hidden_size: 65536,
          intermediate_size: 2 ** 20,
          num_hidden_layers: 1024,
        },
      },
      'the sizes to be those of a network of at most 2^40 parameters',
    ],
    [
      'other channels',
      { ...clip, vision_config: { ...vision, num_channels: 4 } },
      'vision_config.num_channels to be 3, got 4',
    ],
  ])('refuses %s', (_, config, message) => {
    expect(() => read(config)).toThrow(`${file}: expected ${message}`);
  });
});

test.skipIf(!hasFixture('clip'))('readClipConfig reads the golden fixtures', () => {
  const gelu = readClipConfig(join(fixturesFolder, 'clip/ckpt'));
  expect(gelu.vision).toMatchObject({ width: 64, patch: 14, imageSize: 56, projection: 40 });
  expect(gelu.text).toMatchObject({ vocabulary: 512, eosId: 2, activation: 'gelu' });
  const quick = readClipConfig(join(fixturesFolder, 'clip_quick_gelu/ckpt'));
  expect(quick.text).toMatchObject({ eosId: 259, positions: 24, activation: 'quick_gelu' });
});

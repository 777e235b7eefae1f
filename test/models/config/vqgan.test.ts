import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readVqganConfig } from '../../../lib/models/config/vqgan.ts';
import { fixturesFolder, hasFixture } from '../../support/fixtures.ts';
import { temporaryFolder } from './folder.ts';

const { write } = temporaryFolder();

/** The sizes of Chameleon's. */
const yaml = `model:
  target: taming.models.vqgan.VQModel
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
      ch_mult: [1, 1, 2, 2, 4]  # f = 16
      num_res_blocks: 2
      attn_resolutions: []
`;
const read = (from = '', to = '') => readVqganConfig(write('vqgan.yaml', yaml.replace(from, to)));

describe('readVqganConfig', () => {
  test('gives the sizes by our names', () => {
    expect(read()).toEqual({
      baseChannels: 128,
      multipliers: [1, 1, 2, 2, 4],
      resBlocks: 2,
      attentionResolutions: [],
      resolution: 512,
      zChannels: 256,
      embedDim: 256,
      codes: 8192,
      inChannels: 3,
      outChannels: 3,
      doubleZ: false,
      normGroups: 32,
    });
  });

  test.each([
    [
      'a missing size',
      '      ch: 128\n',
      '',
      'model.params.ddconfig.ch to be a whole number in [1, 16384], got nothing',
    ],
    ['no sizes', 'ddconfig:', 'other:', 'model.params.ddconfig to be an object, got nothing'],
    [
      'a level of no channels',
      '[1, 1,',
      '[0, 1,',
      'model.params.ddconfig.ch_mult.0 to be a whole number in [1, 64], got 0',
    ],
    [
      'no levels',
      '[1, 1, 2, 2, 4]',
      '[]',
      'ch_mult to be a list of 1 to 12 values, got a list of 0',
    ],
    [
      'channels that groups do not divide',
      'ch: 128',
      'ch: 100',
      'ch to be a multiple of 32 at every level, got 100',
    ],
    [
      'groups that do not divide channels',
      'ch: 128',
      'norm_groups: 6\n      ch: 128',
      'ch to be a multiple of 6 at every level, got 128',
    ],
    [
      'sizes whose product is beyond bounds',
      'ch: 128',
      'ch: 16384',
      'the sizes to be those of a network of at most 2^40 parameters',
    ],
    [
      'a size of codes beyond bounds',
      '8192',
      '81920000000',
      'model.params.n_embed to be a whole number',
    ],
  ])('refuses %s', (_, from, to, message) => {
    expect(() => read(from, to)).toThrow(/vqgan\.yaml: expected /);
    expect(() => read(from, to)).toThrow(message);
  });
});

test.skipIf(!hasFixture('vqgan'))('readVqganConfig reads the golden fixtures', () => {
  const config = readVqganConfig(join(fixturesFolder, 'vqgan/ckpt/vqgan.yaml'));
  expect(config).toMatchObject({ multipliers: [1, 1, 1, 1, 1], embedDim: 8, codes: 8192 });
  const f4 = readVqganConfig(join(fixturesFolder, 'vqgan_f4/ckpt/vqgan.yaml'));
  expect(f4).toMatchObject({ multipliers: [1, 2, 1], attentionResolutions: [16], zChannels: 24 });
});

import { describe, expect, test } from 'vitest';
import type { VqganConfig } from '../../lib/models/config/vqgan.ts';
import {
  decoderLayout,
  downsampling,
  encoderLayout,
  type VqganStageLayout,
} from '../../lib/models/vqgan_layout.ts';

/** The picture tokenizer of Chameleon. */
const chameleon: VqganConfig = {
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
};

/** Weights and biases. */
function parameters({ kind, inputs, outputs }: VqganStageLayout): number {
  const conv = (from: number, to: number, kernel: number) => from * to * kernel ** 2 + to;
  const norm = (channels: number) => 2 * channels;
  switch (kind) {
    case 'pointwise':
      return conv(inputs, outputs, 1);
    case 'conv':
    case 'down':
    case 'up':
      return conv(inputs, outputs, 3);
    case 'out':
      return norm(inputs) + conv(inputs, outputs, 3);
    case 'attention':
      return norm(inputs) + 4 * conv(inputs, inputs, 1);
    case 'residual': {
      const shortcut = inputs === outputs ? 0 : conv(inputs, outputs, 1);
      const first = norm(inputs) + conv(inputs, outputs, 3);
      return first + norm(outputs) + conv(outputs, outputs, 3) + shortcut;
    }
  }
}

const total = (layout: readonly VqganStageLayout[]): number =>
  layout.reduce((sum, stage) => sum + parameters(stage), 0);

/** `path kind inputs -> outputs`, without what is under `skipped`. */
const lines = (layout: readonly VqganStageLayout[], of: RegExp): string[] =>
  layout
    .filter(({ path }) => of.test(path))
    .map(({ kind, path, inputs, outputs }) => `${path} ${kind} ${inputs} -> ${outputs}`);

describe('the layout of Chameleon’s VQGAN', () => {
  test('has its numbers of parameters', () => {
    expect(total(encoderLayout(chameleon))).toBe(27_194_880 + 65_792);
    expect(total(decoderLayout(chameleon))).toBe(39_294_851 + 65_792);
  });

  test('makes one code of 16 x 16 pixels', () => {
    expect(downsampling(chameleon)).toBe(16);
  });

  test('encodes level by level, from 128 channels to 512', () => {
    expect(lines(encoderLayout(chameleon), /block\.0|conv|downsample|mid/)).toEqual([
      'encoder.conv_in conv 3 -> 128',
      'encoder.down.0.block.0 residual 128 -> 128',
      'encoder.down.0.downsample.conv down 128 -> 128',
      'encoder.down.1.block.0 residual 128 -> 128',
      'encoder.down.1.downsample.conv down 128 -> 128',
      'encoder.down.2.block.0 residual 128 -> 256',
      'encoder.down.2.downsample.conv down 256 -> 256',
      'encoder.down.3.block.0 residual 256 -> 256',
      'encoder.down.3.downsample.conv down 256 -> 256',
      'encoder.down.4.block.0 residual 256 -> 512',
      'encoder.mid.block_1 residual 512 -> 512',
      'encoder.mid.attn_1 attention 512 -> 512',
      'encoder.mid.block_2 residual 512 -> 512',
      'quant_conv pointwise 256 -> 256',
    ]);
  });

  test('decodes from the last level to the first, with a block more at each', () => {
    expect(lines(decoderLayout(chameleon), /up\.[310]|post|conv_in|decoder$/)).toEqual([
      'post_quant_conv pointwise 256 -> 256',
      'decoder.conv_in conv 256 -> 512',
      'decoder.up.3.block.0 residual 512 -> 256',
      'decoder.up.3.block.1 residual 256 -> 256',
      'decoder.up.3.block.2 residual 256 -> 256',
      'decoder.up.3.upsample.conv up 256 -> 256',
      'decoder.up.1.block.0 residual 256 -> 128',
      'decoder.up.1.block.1 residual 128 -> 128',
      'decoder.up.1.block.2 residual 128 -> 128',
      'decoder.up.1.upsample.conv up 128 -> 128',
      'decoder.up.0.block.0 residual 128 -> 128',
      'decoder.up.0.block.1 residual 128 -> 128',
      'decoder.up.0.block.2 residual 128 -> 128',
      'decoder out 128 -> 3',
    ]);
  });
});

test('attention follows the blocks of the levels whose nominal side is named', () => {
  const config = { ...chameleon, resolution: 256, attentionResolutions: [16, 64] };
  expect(lines(encoderLayout(config), /down\.\d\.attn/).map((line) => line.split(' ')[0])).toEqual([
    'encoder.down.2.attn.0',
    'encoder.down.2.attn.1',
    'encoder.down.4.attn.0',
    'encoder.down.4.attn.1',
  ]);
  expect(lines(decoderLayout(config), /up\.\d\.attn/).map((line) => line.split(' ')[0])).toEqual([
    'decoder.up.4.attn.0',
    'decoder.up.4.attn.1',
    'decoder.up.4.attn.2',
    'decoder.up.2.attn.0',
    'decoder.up.2.attn.1',
    'decoder.up.2.attn.2',
  ]);
});

// Which stages the encoder and the decoder of a VQGAN are made of, in order, and what files call
// them: what the networks are built from and what their memory is worked out from.
import type { VqganConfig } from './config/vqgan.ts';

/**
 * - `conv`, `pointwise`: a convolution, 3 x 3 or 1 x 1
 * - `residual`: twice norm, `silu` and convolution, beside the stream
 * - `attention`: over all pixels, beside the stream
 * - `down`, `up`: half or twice the side, and a convolution
 * - `out`: norm, `silu` and convolution
 */
export type VqganStageKind =
  | 'conv'
  | 'pointwise'
  | 'residual'
  | 'attention'
  | 'down'
  | 'up'
  | 'out';

/** One step of the encoder or the decoder. */
export interface VqganStageLayout {
  readonly kind: VqganStageKind;
  /** Of its tensors. */
  readonly path: string;
  /** Channels. */
  readonly inputs: number;
  readonly outputs: number;
}

/** Pixels along a side for each latent. */
export const downsampling = ({ multipliers }: VqganConfig): number => 2 ** (multipliers.length - 1);

/** From pixels to latents, Esser et al. 2021. */
export function encoderLayout(config: VqganConfig): VqganStageLayout[] {
  const { inChannels, baseChannels, multipliers, resBlocks, zChannels, embedDim } = config;
  const stages = new Stages('encoder', inChannels);
  stages.add('conv', 'conv_in', baseChannels);
  let side = config.resolution;
  multipliers.forEach((multiplier, level) => {
    const path = `down.${level}`;
    stages.level(path, resBlocks, multiplier * baseChannels, attends(config, side));
    if (level === multipliers.length - 1) return;
    stages.add('down', `${path}.downsample.conv`);
    side = Math.floor(side / 2);
  });
  stages.middle();
  stages.add('out', undefined, zChannels);
  return [
    ...stages.all,
    { kind: 'pointwise', path: 'quant_conv', inputs: zChannels, outputs: embedDim },
  ];
}

/** From values of codes to pixels. */
export function decoderLayout(config: VqganConfig): VqganStageLayout[] {
  const { outChannels, baseChannels, multipliers, resBlocks, zChannels, embedDim } = config;
  const stages = new Stages('decoder', zChannels);
  stages.add('conv', 'conv_in', baseChannels * multipliers.at(-1)!);
  stages.middle();
  let side = Math.floor(config.resolution / downsampling(config));
  for (let level = multipliers.length - 1; level >= 0; level--) {
    const path = `up.${level}`;
    const channels = multipliers[level]! * baseChannels;
    stages.level(path, resBlocks + 1, channels, attends(config, side));
    if (level > 0) stages.add('up', `${path}.upsample.conv`);
    side *= 2;
  }
  stages.add('out', undefined, outChannels);
  return [
    { kind: 'pointwise', path: 'post_quant_conv', inputs: embedDim, outputs: zChannels },
    ...stages.all,
  ];
}

const attends = ({ attentionResolutions }: VqganConfig, side: number): boolean =>
  attentionResolutions.includes(side);

/** Stages that are laid one behind the other. */
class Stages {
  readonly all: VqganStageLayout[] = [];
  private readonly network: string;
  private channels: number;

  constructor(network: string, channels: number) {
    this.network = network;
    this.channels = channels;
  }

  add(kind: VqganStageKind, name: string | undefined, outputs = this.channels): void {
    const path = name === undefined ? this.network : `${this.network}.${name}`;
    this.all.push({ kind, path, inputs: this.channels, outputs });
    this.channels = outputs;
  }

  level(path: string, blocks: number, channels: number, attention: boolean): void {
    for (let block = 0; block < blocks; block++) {
      this.add('residual', `${path}.block.${block}`, channels);
      if (attention) this.add('attention', `${path}.attn.${block}`);
    }
  }

  middle(): void {
    this.add('residual', 'mid.block_1');
    this.add('attention', 'mid.attn_1');
    this.add('residual', 'mid.block_2');
  }
}

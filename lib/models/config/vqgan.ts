import {
  flag,
  listOf,
  objectOf,
  parseConfig,
  readConfigFile,
  requireParameters,
  requireThat,
  whole,
} from './config_file.ts';

/** The sizes of a VQGAN: encoder, codebook and decoder. */
export interface VqganConfig {
  /** Channels of a level are this times its multiplier. */
  readonly baseChannels: number;
  /** Of each level, from full resolution down; each but the last halves the sides. */
  readonly multipliers: readonly number[];
  /** Residual blocks of a level of the encoder; one more in the decoder. */
  readonly resBlocks: number;
  /** Levels that see pictures of `resolution` at one of these sides have attention. */
  readonly attentionResolutions: readonly number[];
  /** Side of the pictures it was made for; it takes others. */
  readonly resolution: number;
  /** Channels between encoder and decoder, before and after the codes' own convolutions. */
  readonly zChannels: number;
  /** Width of a code's vector. */
  readonly embedDim: number;
  readonly codes: number;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Whether the encoder returns twice `zChannels`. */
  readonly doubleZ: boolean;
  /**
   * Groups of channels that are normed together. 32 in the released one, where the config does not say.
   * As many groups as channels would leave no channel that knows how bright or how red the whole is.
   */
  readonly normGroups: number;
}

const channels = () => whole(1, 2 ** 14);
const schema = objectOf({
  model: objectOf({
    params: objectOf({
      embed_dim: channels(),
      n_embed: whole(1, 2 ** 22),
      ddconfig: objectOf({
        double_z: flag(),
        z_channels: channels(),
        resolution: whole(1, 2 ** 16),
        in_channels: channels(),
        out_ch: channels(),
        ch: channels(),
        ch_mult: listOf(whole(1, 64), 1, 12),
        num_res_blocks: whole(1, 64),
        attn_resolutions: listOf(whole(1, 2 ** 16), 0, 12),
        norm_groups: whole(1, 2 ** 14).default(32),
      }),
    }),
  }),
});

/**
 * The config that stands beside the checkpoint of an image tokenizer.
 *
 * Throws `ERR_WEIGHTS` when a size is missing or out of bounds.
 *
 * @param file  such as `vqgan.yaml`
 */
export function readVqganConfig(file: string): VqganConfig {
  const { params } = parseConfig(file, schema, readConfigFile(file, { only: 'model' })).model;
  const { ddconfig: sizes, embed_dim: embedDim, n_embed: codes } = params;
  const { ch: baseChannels, ch_mult: multipliers, num_res_blocks: resBlocks } = sizes;
  const { norm_groups: normGroups } = sizes;
  const grouped = multipliers.every((multiplier) => (baseChannels * multiplier) % normGroups === 0);
  requireThat(file, grouped, 'ch', `a multiple of ${normGroups} at every level`, baseChannels);
  const widest = baseChannels * Math.max(...multipliers);
  // Each block is at most two 3 x 3 kernels, a shortcut and four of attention, in both networks.
  const blocks = 2 * (multipliers.length + 2) * (resBlocks + 2);
  requireParameters(file, blocks * 23 * widest ** 2 + codes * embedDim);
  return {
    baseChannels,
    multipliers,
    resBlocks,
    attentionResolutions: sizes.attn_resolutions,
    resolution: sizes.resolution,
    zChannels: sizes.z_channels,
    embedDim,
    codes,
    inChannels: sizes.in_channels,
    outChannels: sizes.out_ch,
    doubleZ: sizes.double_z,
    normGroups,
  };
}

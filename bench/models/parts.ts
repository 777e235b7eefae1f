/** The parts of the model at their true widths, as deep as a machine of a few cores can wait for. */

import { Chameleon } from '../../lib/models/chameleon.ts';
import { ClipVision } from '../../lib/models/clip_vision.ts';
import { releasedResampler } from '../../lib/models/config/resampler.ts';
import type { VqganConfig } from '../../lib/models/config/vqgan.ts';
import { Resampler } from '../../lib/models/resampler.ts';
import { Vqgan } from '../../lib/models/vqgan.ts';
import { type Float, noise } from '../ops/case.ts';
import type { ModelPart } from './part.ts';

const clip = {
  width: 1280,
  layers: 4,
  heads: 16,
  inner: 5120,
  activation: 'gelu',
  normEps: 1e-5,
  projection: 1024,
  patch: 14,
  imageSize: 224,
} as const;

const clipPart: ModelPart = {
  name: 'CLIP ViT-H/14',
  shape: `${clip.layers} layers, 1 x 224 x 224`,
  dtype: 'f32',
  torch: { op: 'clip_vision', ...clip },
  prepare(device, w) {
    const model = new ClipVision(w.at('vision_model'), clip);
    const input = noise(device, [1, clip.imageSize, clip.imageSize, 3]);
    return { input, run: () => model.forward(input) };
  },
};

const resampler = { ...releasedResampler, depth: 1 };

const resamplerPart: ModelPart = {
  name: 'resampler',
  shape: `${resampler.depth} layer, 1 x 257 x ${resampler.inputDim}`,
  dtype: 'f32',
  torch: {
    op: 'resampler',
    depth: resampler.depth,
    heads: resampler.heads,
    headDim: resampler.headDim,
  },
  prepare(device, w) {
    const model = new Resampler(w, resampler);
    const input = noise(device, [1, 257, resampler.inputDim]);
    return { input, run: () => model.forward(input) };
  },
};

const chameleon = {
  vocabulary: 8, // the stack alone is run
  layers: 2,
  dim: 4096,
  heads: 32,
  kvHeads: 32,
  headDim: 128,
  inner: 11008,
  normEps: 1e-5,
  ropeTheta: 10000,
  swinNorm: false,
};

const chameleonPart = (dtype: Float, tokens: number): ModelPart => ({
  name: 'Chameleon 7B',
  shape: `${chameleon.layers} layers, 1 x ${tokens}`,
  dtype,
  torch: {
    op: 'chameleon',
    layers: chameleon.layers,
    dim: chameleon.dim,
    heads: chameleon.heads,
    kvHeads: chameleon.kvHeads,
    inner: chameleon.inner,
  },
  prepare(device, w) {
    const model = new Chameleon(w, chameleon);
    const input = noise(device, [1, tokens, chameleon.dim], dtype);
    const positions = device.from(
      Int32Array.from({ length: tokens }, (_, i) => i),
      [1, tokens],
    );
    return { input, run: () => model.forward(input, positions) };
  },
});

/** The released one. */
const vqgan: VqganConfig = {
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
const vqganTorch = { levels: vqgan.multipliers.length, resBlocks: vqgan.resBlocks };

const vqganParts = (side: number): ModelPart[] => [
  {
    name: 'VQGAN encode',
    shape: `1 x ${side} x ${side}`,
    dtype: 'f32',
    torch: { op: 'vqgan_encode', ...vqganTorch },
    prepare(device, w) {
      const model = new Vqgan(w, vqgan);
      const input = noise(device, [1, side, side, 3]);
      return { input, run: () => model.encode(input) };
    },
  },
  {
    name: 'VQGAN decode',
    shape: `1 x ${side} x ${side}`,
    dtype: 'f32',
    torch: { op: 'vqgan_decode', ...vqganTorch },
    prepare(device, w) {
      const model = new Vqgan(w, vqgan);
      const grid = side / model.downsampling;
      const codes = Int32Array.from({ length: grid ** 2 }, (_, i) => (i * 7919) % vqgan.codes);
      const input = device.from(codes, [1, grid, grid]);
      return { input, run: () => model.decode(input) };
    },
  },
];

/** @param side  of the VQGAN's pictures, pixels, a multiple of 16 */
export const modelParts = (side: number): readonly ModelPart[] => [
  clipPart,
  resamplerPart,
  chameleonPart('f32', 256),
  chameleonPart('bf16', 256),
  ...vqganParts(side),
];

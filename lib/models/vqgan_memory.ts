// What an encode or decode holds at its fullest, and how it runs within a bound of that.
import { StylearError } from '../error.ts';
import { blockBytes } from '../tensor/block_bytes.ts';
import type { VqganConfig } from './config/vqgan.ts';
import {
  decoderLayout,
  downsampling,
  encoderLayout,
  type VqganStageLayout,
} from './vqgan_layout.ts';
import type { StageRun } from './vqgan_stage.ts';

/** How much memory `Vqgan.encode` and `decode` may take; too little is `ERR_VALUE`. */
export interface VqganLimits {
  /**
   * Of memory for activations, beside weights and what the caller passes in; no bound unless told.
   * To keep it, images are taken one or a few at a time, and then residual blocks of large maps make
   * their inner map twice instead of holding it, which takes up to half as long again. What comes out
   * is the same but for roundings.
   */
  readonly maxBytes?: number | undefined;
  /**
   * Of the copies of strips that are made where a map is worked on in place; 16 MiB unless told.
   * What comes out is the same but for roundings.
   */
  readonly stripBytes?: number | undefined;
}

/** Pictures in pixels. */
export interface PictureSize {
  readonly images: number;
  readonly height: number;
  readonly width: number;
}

/** How many images go through at a time, how each stage runs, and what that takes. */
export interface VqganPlan {
  readonly images: number;
  readonly runs: readonly StageRun[];
  readonly bytes: number;
}

/** Bytes of activations, without weights, the caller's input, and the workspace of kernels. */
export interface VqganMemory {
  readonly encode: number;
  readonly decode: number;
}

/**
 * What encoding and decoding pictures takes at the fullest.
 *
 * Throws `ERR_VALUE` when `maxBytes` is too little, naming what would do.
 */
export const vqganMemory = (
  config: VqganConfig,
  size: PictureSize,
  limits: VqganLimits = {},
): VqganMemory => ({
  encode: planEncode(config, size, limits).bytes,
  decode: planDecode(config, size, limits).bytes,
});

/** The least `maxBytes` that encoding and decoding can do with. */
export function leastVqganMemory(
  config: VqganConfig,
  size: PictureSize,
  { stripBytes }: Pick<VqganLimits, 'stripBytes'> = {},
): VqganMemory {
  const limits = { stripBytes, maxBytes: 0 };
  return {
    encode: fitted(encoding(config, size), limits).bytes,
    decode: fitted(decoding(config, size), limits).bytes,
  };
}

/** How pictures of a size are encoded. Throws as `vqganMemory` does. */
export const planEncode = (
  config: VqganConfig,
  size: PictureSize,
  limits: VqganLimits = {},
): VqganPlan => plan('encode', size, encoding(config, size), limits);

/** How pictures of a size are decoded. Throws as `vqganMemory` does. */
export const planDecode = (
  config: VqganConfig,
  size: PictureSize,
  limits: VqganLimits = {},
): VqganPlan => plan('decode', size, decoding(config, size), limits);

/** What is to be run. */
interface Work {
  readonly layout: readonly VqganStageLayout[];
  /** Of the first stage's input. */
  readonly input: PictureSize;
  /** Whether that is made for it, and not the caller's. */
  readonly ownsInput: boolean;
  /** Of the results of all images. */
  readonly resultBytes: number;
}

const encoding = (config: VqganConfig, size: PictureSize): Work => ({
  layout: encoderLayout(config),
  input: size,
  ownsInput: false,
  resultBytes: tensorBytes(latentSize(config, size), 1),
});

const decoding = (config: VqganConfig, size: PictureSize): Work => ({
  layout: decoderLayout(config),
  input: latentSize(config, size),
  ownsInput: true,
  resultBytes: tensorBytes(size, config.outChannels),
});

function latentSize(config: VqganConfig, { images, height, width }: PictureSize): PictureSize {
  const factor = downsampling(config);
  return { images, height: height / factor, width: width / factor };
}

function plan(method: string, size: PictureSize, work: Work, limits: VqganLimits): VqganPlan {
  const { maxBytes = Number.POSITIVE_INFINITY } = limits;
  const found = fitted(work, limits);
  if (found.bytes <= maxBytes) return found;
  throw new StylearError(
    'ERR_VALUE',
    `Vqgan.${method}: expected maxBytes to be at least the ${found.bytes} bytes that ` +
      `${size.images} x ${size.height} x ${size.width} pixels take, got ${maxBytes}. ` +
      'Lower stripBytes, or make the pictures smaller.',
  );
}

/** As many images at a time as `maxBytes` allows, or one as lean as it can be. */
function fitted(
  { layout, input, ownsInput, resultBytes }: Work,
  { maxBytes = Number.POSITIVE_INFINITY, stripBytes = 2 ** 24 }: VqganLimits,
): VqganPlan {
  if (!(stripBytes > 0)) {
    throw new StylearError(
      'ERR_VALUE',
      `Vqgan: expected stripBytes to be positive, got ${stripBytes}`,
    );
  }
  const all = input.images;
  const of = (images: number): VqganPlan => {
    if (images === all) {
      return { images, ...planStages(layout, input, { maxBytes, stripBytes }, ownsInput) };
    }
    // Results are gathered beside the second pass and those after it, the last of which may be short.
    const within = { maxBytes: maxBytes - resultBytes, stripBytes };
    const first = planStages(layout, { ...input, images }, within, ownsInput);
    const second = Math.min(images, all - images);
    const { bytes } = planStages(layout, { ...input, images: second }, within, ownsInput);
    return { images, runs: first.runs, bytes: Math.max(first.bytes, resultBytes + bytes) };
  };
  let found = of(all);
  for (let images = all - 1; found.bytes > maxBytes && images > 0; images--) found = of(images);
  return found;
}

function planStages(
  layout: readonly VqganStageLayout[],
  size: PictureSize,
  { maxBytes, stripBytes }: { readonly maxBytes: number; readonly stripBytes: number },
  ownsInput: boolean,
): { readonly runs: readonly StageRun[]; readonly bytes: number } {
  let at = size;
  let bytes = 0;
  const runs = layout.map((stage, i) => {
    const after = sizeAfter(stage, at);
    const rowBytes = tensorBytes({ ...after, images: 1, height: 1 }, widest(stage));
    const rows = Math.min(after.height, Math.max(1, Math.floor(stripBytes / rowBytes)));
    const input = ownsInput || i > 0 ? tensorBytes(at, stage.inputs) : 0;
    const bytesOf = (run: StageRun) => input + bytesBeside(stage, at, after, run);
    let run: StageRun = { rows, again: false };
    if (stage.kind === 'residual' && at.images === 1 && bytesOf(run) > maxBytes) {
      const again = { rows, again: true };
      if (bytesOf(again) < bytesOf(run)) run = again;
    }
    bytes = Math.max(bytes, bytesOf(run));
    at = after;
    return run;
  });
  return { runs, bytes };
}

/** What a stage holds beside its input at its fullest: see its `consume`. */
function bytesBeside(
  stage: VqganStageLayout,
  before: PictureSize,
  after: PictureSize,
  { rows, again }: StageRun,
): number {
  const input = tensorBytes(before, stage.inputs);
  const output = tensorBytes(after, stage.outputs);
  const strip = (height: number, channels: number) =>
    tensorBytes(
      { images: 1, height: Math.min(height, after.height), width: after.width },
      channels,
    );
  switch (stage.kind) {
    case 'conv':
    case 'pointwise':
    case 'down':
    case 'out':
      return output;
    case 'attention':
      return 5 * input; // normed, queries, keys, values, mixed
    case 'up':
      return output + strip(2 * Math.max(1, rows >> 1) + 4, stage.inputs);
    case 'residual': {
      const changes = stage.inputs !== stage.outputs;
      if (again) {
        const around = strip(rows + 4, stage.inputs);
        const kept = strip(2, stage.inputs);
        return (changes ? output : 0) + 2 * around + kept + strip(rows + 2, stage.outputs);
      }
      if (changes) return Math.max(input, output) + output;
      return input + strip(rows + 2, stage.inputs) + strip(1, stage.inputs);
    }
  }
}

const widest = ({ inputs, outputs }: VqganStageLayout): number => Math.max(inputs, outputs);

function sizeAfter({ kind }: VqganStageLayout, size: PictureSize): PictureSize {
  if (kind !== 'down' && kind !== 'up') return size;
  const factor = kind === 'up' ? 2 : 1 / 2;
  return { ...size, height: factor * size.height, width: factor * size.width };
}

const tensorBytes = ({ images, height, width }: PictureSize, channels: number): number =>
  blockBytes(4 * images * height * width * channels);

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

export interface VqganLimits {
  /**
   * Of memory for activations, beside weights and what the caller passes in; no bound unless told.
   * To keep it, images are taken one or a few at a time, and then residual blocks of large maps make
   * their inner map twice instead of holding it, which takes up to half as long again. What comes out
   * is the same but for roundings.
   */
  readonly maxBytes?: number | undefined;
  /** Of the copies of strips that are made where a map is worked on in place; 16 MiB unless told. */
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

/**
 * Bytes of activations, without weights, the input, and the workspace of kernels.
 *
 * Throws `ERR_VALUE` when `maxBytes` is too little, naming what would do.
 */
export function vqganMemory(
  config: VqganConfig,
  size: PictureSize,
  limits: VqganLimits = {},
): { readonly encode: number; readonly decode: number } {
  return {
    encode: planEncode(config, size, limits).bytes,
    decode: planDecode(config, size, limits).bytes,
  };
}

export function planEncode(
  config: VqganConfig,
  size: PictureSize,
  limits: VqganLimits = {},
): VqganPlan {
  return plan('encode', size, limits, {
    layout: encoderLayout(config),
    input: size,
    ownsInput: false,
    resultBytes: tensorBytes(latentSize(config, size), 1),
  });
}

export function planDecode(
  config: VqganConfig,
  size: PictureSize,
  limits: VqganLimits = {},
): VqganPlan {
  return plan('decode', size, limits, {
    layout: decoderLayout(config),
    input: latentSize(config, size),
    ownsInput: true,
    resultBytes: tensorBytes(size, config.outChannels),
  });
}

function latentSize(config: VqganConfig, { images, height, width }: PictureSize): PictureSize {
  const factor = downsampling(config);
  return { images, height: height / factor, width: width / factor };
}

/** A network and what is around it. */
interface Path {
  readonly layout: readonly VqganStageLayout[];
  /** Of the first stage's input. */
  readonly input: PictureSize;
  /** Whether the first stage's input is made for it, and not the caller's. */
  readonly ownsInput: boolean;
  /** Of the results of all images. */
  readonly resultBytes: number;
}

function plan(
  name: string,
  size: PictureSize,
  { maxBytes = Number.POSITIVE_INFINITY, stripBytes = 2 ** 24 }: VqganLimits,
  { layout, input, ownsInput, resultBytes }: Path,
): VqganPlan {
  if (!(stripBytes > 0)) {
    throw new StylearError(
      'ERR_VALUE',
      `Vqgan.${name}: expected stripBytes to be positive, got ${stripBytes}`,
    );
  }
  const of = (images: number): VqganPlan => {
    if (images === size.images) {
      return { images, ...planStages(layout, input, { maxBytes, stripBytes }, ownsInput) };
    }
    // Results are gathered beside the second pass and those after it, the last of which may be short.
    const within = { maxBytes: maxBytes - resultBytes, stripBytes };
    const first = planStages(layout, { ...input, images }, within, ownsInput);
    const second = Math.min(images, size.images - images);
    const { bytes } = planStages(layout, { ...input, images: second }, within, ownsInput);
    return { images, runs: first.runs, bytes: Math.max(first.bytes, resultBytes + bytes) };
  };
  let images = size.images;
  let found = of(images);
  while (found.bytes > maxBytes && images > 1) found = of(--images);
  if (found.bytes <= maxBytes) return found;
  throw new StylearError(
    'ERR_VALUE',
    `Vqgan.${name}: expected maxBytes to be at least the ${found.bytes} bytes that ` +
      `${size.images} x ${size.height} x ${size.width} takes, got ${maxBytes}. ` +
      'Lower stripBytes, or make the picture smaller.',
  );
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

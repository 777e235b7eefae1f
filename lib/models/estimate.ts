// What a StyleAR takes in memory, from the headers of its files and from its sizes, before anything is
// loaded.
import { WeightSource } from '../weights/weight_source.ts';
import { readChameleonConfig } from './config/chameleon.ts';
import { readClipConfig } from './config/clip.ts';
import { readResamplerConfig, releasedResampler } from './config/resampler.ts';
import type { StyleARConfig } from './config/stylear.ts';
import { readVqganConfig } from './config/vqgan.ts';
import { recordingBytes, stepBytes } from './step_memory.ts';
import { vqganMemory } from './vqgan_memory.ts';

/** What is to be drawn, as far as memory depends on it. */
export interface EstimateOptions {
  /** Of the activations and the cache. */
  readonly dtype: 'f32' | 'bf16';
  /** Tokens that the cache has room for; see `LoadOptions`. */
  readonly cacheTokens: number;
  /**
   * Rows of a step: streams, of which a guided picture has two, times tokens that are fed at once, which
   * are up to 32 where the window is `auto`; 8 unless told.
   */
  readonly rows?: number | undefined;
  /** Whether steps are recorded and replayed, as `load` takes it; true unless told. */
  readonly recorded?: boolean | undefined;
  /** Of the pictures, pixels; the model's square unless told. */
  readonly size?: { readonly width: number; readonly height: number } | undefined;
}

/** Bytes. */
export interface MemoryEstimate {
  /** Of each part's weights. */
  readonly weights: {
    readonly transformer: number;
    readonly adapter: number;
    readonly clip: number;
    readonly resampler: number;
    readonly vqgan: number;
  };
  /** Of these, what the CPU reads where it lies in the files, and the system may take back. */
  readonly mapped: number;
  /** Keys and values. */
  readonly cache: number;
  /** Activations at their fullest: of a picture's decoding, of a style's encoding, or of a step. */
  readonly activations: number;
  /**
   * Activations of the steps that are kept recorded, at most. On a GPU each holds what its kernels need for
   * themselves too, which is not counted: with long caches and wide windows about as much again.
   */
  readonly recordings: number;
  /** Weights, cache, activations and recordings. */
  readonly total: number;
}

/** Throws `ERR_WEIGHTS` when a file is not one. */
export function estimateMemory(
  { files, defaults }: StyleARConfig,
  { dtype, cacheTokens, rows = 8, recorded = true, size }: EstimateOptions,
): MemoryEstimate {
  const chameleon = readChameleonConfig(files.transformer);
  const { vision } = readClipConfig(files.clip);
  const resampler = files.resamplerConfig
    ? readResamplerConfig(files.resamplerConfig)
    : releasedResampler;
  const vqgan = readVqganConfig(files.vqganConfig);

  const parts = {
    transformer: partOf(
      files.transformer,
      'keep',
      (name) => !/norm\.(weight|bias)$|norm\.weight$/.test(name),
    ),
    adapter: files.adapter === undefined ? nothing : partOf(files.adapter, 'keep'),
    clip: partOf(
      files.clip,
      'f32',
      (name) => !name.endsWith('patch_embedding.weight'),
      (name) => name.startsWith('vision_model.') && !name.endsWith('.position_ids'),
    ),
    resampler: partOf(files.resampler, 'f32'),
    // Kernels are turned to the layout of the ops, which takes a copy; vectors stay in the file.
    vqgan: partOf(
      files.vqgan,
      'f32',
      (_, shape) => shape.length < 4,
      (name) => /^(encoder|decoder|quantize|quant_conv|post_quant_conv)\./.test(name),
    ),
  };
  const weights = {
    transformer: parts.transformer.bytes,
    adapter: parts.adapter.bytes,
    clip: parts.clip.bytes,
    resampler: parts.resampler.bytes,
    vqgan: parts.vqgan.bytes,
  };
  const mapped = Object.values(parts).reduce((sum, part) => sum + part.mapped, 0);

  const bytes = dtype === 'bf16' ? 2 : 4;
  const { layers, kvHeads, headDim, vocabulary } = chameleon;
  const cache = cacheTokens * 2 * layers * kvHeads * headDim * bytes;

  const { width, height } = size ?? { width: defaults.targetSize, height: defaults.targetSize };
  const picture = vqganMemory(vqgan, { images: 1, height, width }).decode;
  // Steps hold the most where every row is drawn from.
  const largest = { rows, drawn: rows, guided: false, logits: vocabulary, dtype };
  const step = stepBytes(chameleon, largest);
  const recordings = recorded ? recordingBytes(chameleon, largest) : 0;
  const patches = 1 + (vision.imageSize / vision.patch) ** 2;
  const tower = patches * (3 * vision.width + 4 * vision.width + vision.inner) * 4;
  const features = patches * (2 * resampler.dim + 2 * resampler.heads * resampler.headDim);
  const latents = resampler.queries * resampler.dim * (3 + resampler.ffMult);
  const style = Math.max(tower, (features + latents) * 4);
  const activations = Math.max(picture, step, style);

  const others = cache + activations + recordings;
  const total = Object.values(weights).reduce((a, b) => a + b, others);
  return { weights, mapped, cache, activations, recordings, total };
}

interface Part {
  readonly bytes: number;
  readonly mapped: number;
}

const nothing: Part = { bytes: 0, mapped: 0 };

/**
 * @param dtype    what floats are loaded as
 * @param inPlace  which tensors are used as they lie, where their dtype allows
 * @param wanted   which are loaded at all
 */
function partOf(
  path: string,
  dtype: 'keep' | 'f32',
  inPlace: (name: string, shape: readonly number[]) => boolean = () => true,
  wanted: (name: string) => boolean = () => true,
): Part {
  const source = new WeightSource(path);
  let [bytes, mapped] = [0, 0];
  try {
    for (const name of source.names()) {
      if (!wanted(name)) continue;
      const { stored } = source.get(name)!;
      const count = stored.shape.reduce((product, extent) => product * extent, 1);
      const isKept = dtype === 'keep' && inPlace(name, stored.shape);
      // 8-bit rows stay what they are; 8-bit kernels of convolutions are made floats of.
      const isRows = stored.dtype === 'I8' && stored.shape.length < 4;
      const width = isKept && stored.dtype === 'BF16' ? 2 : isRows ? 1 : 4;
      bytes += count * width;
      const asStored = stored.dtype === 'F32' || (isKept && (stored.dtype === 'BF16' || isRows));
      if (asStored && !stored.strides && inPlace(name, stored.shape)) mapped += count * width;
    }
  } finally {
    source.close();
  }
  return { bytes, mapped };
}

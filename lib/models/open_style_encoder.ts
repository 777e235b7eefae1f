import type { Device } from '../tensor/device.ts';
import { Weights } from '../weights/weights.ts';
import { ClipVision } from './clip_vision.ts';
import { readClipConfig } from './config/clip.ts';
import { type ResamplerConfig, releasedResampler } from './config/resampler.ts';
import { requireTransformersClip } from './required_parts.ts';
import { Resampler } from './resampler.ts';
import { StyleEncoder } from './style_encoder.ts';

/** Where the parts of a style encoder are. */
export interface StyleEncoderFiles {
  /** A folder with `config.json` and weights, of which the text tower's are not read. */
  readonly clip: string;
  /** Such as `image_proj.pth`. */
  readonly resampler: string;
  /** What the resampler was made with; StyleAR's unless told. */
  readonly resamplerConfig?: ResamplerConfig | undefined;
  /** Whether the resampler is to be trained; see `OpenWeightsOptions`. */
  readonly writable?: boolean | undefined;
}

/** A style encoder and where its weights are from; disposing of it frees these. */
export interface OpenedStyleEncoder extends Disposable {
  readonly encoder: StyleEncoder;
  readonly clipWeights: Weights;
  /** What is trained and saved. */
  readonly resamplerWeights: Weights;
}

/**
 * A style encoder from the files of its two parts, in f32.
 *
 * Throws `ERR_WEIGHTS` when one of them does not hold the network that its config describes.
 */
export function openStyleEncoder(files: StyleEncoderFiles, device: Device): OpenedStyleEncoder {
  const { resamplerConfig = releasedResampler } = files;
  const { vision } = readClipConfig(files.clip);
  const opened: Weights[] = [];
  const dispose = () => {
    for (const weights of opened) weights.dispose();
  };
  const open = (file: string, writable?: boolean): Weights => {
    const weights = Weights.open(file, device, { dtype: 'f32', writable });
    opened.push(weights);
    return weights;
  };
  try {
    const clipWeights = open(files.clip);
    requireTransformersClip(clipWeights, files.clip);
    const resamplerWeights = open(files.resampler, files.writable);
    const tower = clipWeights.at('vision_model');
    const encoder = new StyleEncoder(
      new ClipVision(tower, vision),
      new Resampler(resamplerWeights, resamplerConfig),
    );
    tower.requireAllRead();
    resamplerWeights.requireAllRead();
    return { encoder, clipWeights, resamplerWeights, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

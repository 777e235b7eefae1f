import type { Device } from '../tensor/device.ts';
import { Weights } from '../weights/weights.ts';
import { Clip } from './clip.ts';
import { type ClipConfig, readClipConfig } from './config/clip.ts';
import { requireTransformersClip } from './required_parts.ts';

/** Both towers of CLIP and where their weights are from; disposing of it frees these. */
export interface OpenedClip extends Disposable {
  readonly clip: Clip;
  readonly config: ClipConfig;
  readonly weights: Weights;
}

/**
 * CLIP from a checkpoint folder, in f32.
 *
 * Throws `ERR_WEIGHTS` when the folder does not hold the network that its config describes,
 * `ERR_INPUT` when it is the tower for pictures alone.
 *
 * @param folder  has `config.json` and weights; see `weightsOfFolder`
 */
export function openClip(folder: string, device: Device): OpenedClip {
  const config = readClipConfig(folder);
  const weights = Weights.open(folder, device, { dtype: 'f32' });
  try {
    requireTransformersClip(weights, folder);
    const clip = new Clip(weights, config);
    weights.requireAllRead();
    return { clip, config, weights, [Symbol.dispose]: () => weights.dispose() };
  } catch (error) {
    weights.dispose();
    throw error;
  }
}

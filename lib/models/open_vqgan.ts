import type { Device } from '../tensor/device.ts';
import { Weights } from '../weights/weights.ts';
import { readVqganConfig } from './config/vqgan.ts';
import { vqganFiles } from './required_parts.ts';
import { Vqgan } from './vqgan.ts';

/** A picture tokenizer and where its weights are from; disposing of it frees these. */
export interface OpenedVqgan extends Disposable {
  readonly vqgan: Vqgan;
  readonly weights: Weights;
}

/** How a VQGAN is opened. */
export interface OpenVqganOptions {
  /** Its `vqgan.yaml`, where the weights are named by their file. */
  readonly config?: string | undefined;
  /** Whether it is to be trained; see `OpenWeightsOptions`. */
  readonly writable?: boolean | undefined;
}

/**
 * The picture tokenizer of a folder, in f32. What the file holds beside it, such as the losses that
 * it was trained with, is left there.
 *
 * Throws `ERR_WEIGHTS` when the files do not hold the network that the config describes.
 *
 * @param path  a folder that has `vqgan.ckpt` and `vqgan.yaml`, or a folder `tokenizer` that has; or
 *              the file of the weights
 */
export function openVqgan(
  path: string,
  device: Device,
  { config: configFile, writable }: OpenVqganOptions = {},
): OpenedVqgan {
  const files =
    configFile === undefined ? vqganFiles(path) : { checkpoint: path, config: configFile };
  const config = readVqganConfig(files.config);
  const weights = Weights.open(files.checkpoint, device, { dtype: 'f32', writable });
  try {
    const vqgan = new Vqgan(weights, config);
    return { vqgan, weights, [Symbol.dispose]: () => weights.dispose() };
  } catch (error) {
    weights.dispose();
    throw error;
  }
}

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

/**
 * The picture tokenizer of a folder, in f32. What the file holds beside it, such as the losses that
 * it was trained with, is left there.
 *
 * Throws `ERR_WEIGHTS` when the folder does not hold the network that its config describes.
 *
 * @param folder    has `vqgan.ckpt` and `vqgan.yaml`, or a folder `tokenizer` that has
 * @param writable  whether it is to be trained; see `OpenWeightsOptions`
 */
export function openVqgan(
  folder: string,
  device: Device,
  { writable }: { readonly writable?: boolean | undefined } = {},
): OpenedVqgan {
  const files = vqganFiles(folder);
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

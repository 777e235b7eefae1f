import type { StyleEncoder } from '../models/style_encoder.ts';
import type { Device } from '../tensor/device.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { stacked } from './stacked.ts';

/** A picture that a style is taken from: as CLIP takes it, or what CLIP made of it, which is frozen. */
export type TrainingReference =
  | { readonly pixels: Float32Array; readonly features?: undefined }
  | { readonly features: Float32Array; readonly pixels?: undefined };

/**
 * @param references  at least one: `pixels` of `[imageSize, imageSize, 3]`, normalised, or `features` of
 *                    `[tokens, width]`, all alike
 * @returns           `[images, tokens, width]`, f32: what the resampler reads
 */
export function styleFeatures(
  device: Device,
  encoder: StyleEncoder,
  references: readonly TrainingReference[],
): Tensor {
  const { vision } = encoder;
  const { imageSize, width } = vision.config;
  const images = references.length;
  const [first] = references as [TrainingReference];
  if (first.features) {
    const values = together('features', references, vision.tokens * width);
    return device.from(values, [images, vision.tokens, width]);
  }
  const values = together('pixels', references, imageSize * imageSize * 3);
  return scope(() => encoder.features(device.from(values, [images, imageSize, imageSize, 3])));
}

function together(
  kind: 'pixels' | 'features',
  references: readonly TrainingReference[],
  each: number,
): Float32Array {
  const values = references.map((reference) => reference[kind]);
  return stacked(values, each, { where: 'styleFeatures', kind, of: 'reference' });
}

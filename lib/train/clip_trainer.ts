import type { Clip } from '../models/clip.ts';
import { clipTexts } from '../models/clip_texts.ts';
import { add, scale } from '../ops/add.ts';
import { crossEntropy } from '../ops/cross_entropy.ts';
import { exp } from '../ops/pointwise.ts';
import { mean } from '../ops/sum_rows.ts';
import type { Device } from '../tensor/device.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { layerMatrices } from './layer_matrices.ts';
import { stacked } from './stacked.ts';
import type { NamedTensors, PreparedBatch, StepLoss, Trainer } from './trainer.ts';

/** A picture and its caption, as CLIP takes them. */
export interface ClipExample {
  /** `[imageSize, imageSize, 3]`: see `clipPixels`. */
  readonly pixels: Float32Array;
  /** Start token, text, end token; at most `positions`. */
  readonly ids: readonly number[];
}

/** Pictures and captions on the device, one of each for a pair. */
export interface ClipBatch {
  /** `[pairs, imageSize, imageSize, 3]`, f32, normalised RGB */
  readonly pixels: Tensor;
  /** `[pairs, tokens]`, i32, padded on the right */
  readonly ids: Tensor;
  /** `[pairs]`, i32: where the end tokens are, counted over all texts */
  readonly ends: Tensor;
  /** `[pairs]`, i32: 0, 1, 2 and so on. */
  readonly own: Tensor;
}

/** How the gradient of CLIP trades time for memory. */
export interface ClipTrainerOptions {
  /** See `ClipForwardOptions`. */
  readonly checkpointed?: boolean | undefined;
}

/** What cosines are multiplied with at most (Radford et al. 2021, section 2.5). */
const largestScale = 100;

/**
 * Trains both towers of CLIP to find each picture's caption among those of the batch, and each
 * caption's picture. The temperature is learned with them. A batch is a task of its own: several
 * smaller ones together are an easier one.
 */
export class ClipTrainer implements Trainer<ClipExample, ClipBatch> {
  readonly device: Device;
  readonly parameters: NamedTensors;
  readonly matrices: ReadonlySet<string>;
  private readonly clip: Clip;
  private readonly options: ClipTrainerOptions;

  /** @param parameters  of both towers, f32: what their `Weights` hold */
  constructor(clip: Clip, parameters: NamedTensors, options: ClipTrainerOptions = {}) {
    this.clip = clip;
    this.device = clip.logitScale.device;
    this.parameters = parameters;
    this.matrices = layerMatrices(parameters);
    this.options = options;
  }

  /** Throws `ERR_VALUE` when the pixels of an example are not those of a picture. */
  prepare(examples: readonly ClipExample[]): PreparedBatch<ClipBatch> {
    const { imageSize } = this.clip.vision.config;
    const { eosId } = this.clip.text.config;
    const pairs = examples.length;
    const area = imageSize * imageSize * 3;
    const pixels = stacked(
      examples.map((example) => example.pixels),
      area,
      { where: 'ClipTrainer', kind: 'pixels', of: 'example' },
    );
    const texts = clipTexts(
      examples.map(({ ids }) => ids),
      { eosId },
    );
    const batch = {
      pixels: this.device.from(pixels, [pairs, imageSize, imageSize, 3]),
      ids: this.device.from(texts.ids, [pairs, texts.tokens]),
      ends: this.device.from(texts.ends),
      own: this.device.from(Int32Array.from({ length: pairs }, (_, i) => i)),
    };
    return { batch, weight: pairs };
  }

  loss({ pixels, ids, ends, own }: ClipBatch): StepLoss {
    const images = this.clip.embedImages(pixels, this.options);
    const texts = this.clip.embedTexts(ids, ends, this.options);
    const found = (queries: Tensor, keys: Tensor) =>
      mean(crossEntropy(this.clip.logits(queries, keys), own));
    return {
      loss: scale(add(found(images, texts), found(texts, images)), 0.5),
      metrics: { scale: exp(this.clip.logitScale) },
    };
  }

  async afterStep(): Promise<Readonly<Record<string, number>>> {
    const [value] = await this.clip.logitScale.read();
    const most = Math.log(largestScale);
    if (value! > most) this.clip.logitScale.write([most]);
    return {};
  }
}

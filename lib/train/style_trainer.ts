import type { Chameleon } from '../models/chameleon.ts';
import { applyLora, type LoraAdapter } from '../models/lora.ts';
import type { StyleEncoder } from '../models/style_encoder.ts';
import { addStyleNoise } from '../models/style_tokens.ts';
import type { Device } from '../tensor/device.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { batchStates } from './batch_states.ts';
import type { ConditionedExample } from './conditioning.ts';
import type { Draws } from './draws.ts';
import { droppedBatch, type SequenceLossOptions } from './language_trainer.ts';
import { layerMatrices } from './layer_matrices.ts';
import { nextTokenLoss } from './next_token_loss.ts';
import { scattered } from './scattered.ts';
import { styleFeatures, type TrainingReference } from './style_reference.ts';
import type { TokenBatch } from './token_batch.ts';
import type { NamedTensors, PreparedBatch, StepLoss, Trainer } from './trainer.ts';

/** A picture as its own reference, beside its sequences (StyleAR, arXiv 2505.19874: "binary data"). */
export interface StyleExample extends ConditionedExample {
  readonly reference: TrainingReference;
}

/** Sequences and features of references on the device, and the seeds of their noise. */
export interface StyleBatch {
  readonly tokens: TokenBatch;
  /** `[images, tokens, width]`, f32 */
  readonly features: Tensor;
  /** `[images, 2]`, i32: of the noise. */
  readonly seeds: Tensor;
}

/** How style tokens are trained; see `SequenceLossOptions`. */
export interface StyleTrainerOptions extends SequenceLossOptions {
  /** Of the noise on style tokens, 0 or more; 0.1 unless told. */
  readonly noiseStrength?: number | undefined;
  /**
   * The share of references, of those given as pixels, that are cut into tiles and scattered: a picture
   * that is its own reference otherwise tells of more than its style. 0 unless told.
   */
  readonly scatter?: number | undefined;
}

/**
 * Trains resampler and adapter through the frozen transformer, whose gradient reaches them by the style
 * rows and by the side paths.
 */
export class StyleTrainer implements Trainer<StyleExample, StyleBatch> {
  readonly device: Device;
  readonly parameters: NamedTensors;
  readonly matrices: ReadonlySet<string>;
  private readonly model: Chameleon;
  private readonly encoder: StyleEncoder;
  private readonly options: StyleTrainerOptions;

  /**
   * Sets the adapter.
   *
   * @param parameters  of the resampler and of the adapter, f32
   */
  constructor(
    model: Chameleon,
    encoder: StyleEncoder,
    adapter: LoraAdapter,
    parameters: NamedTensors,
    options: StyleTrainerOptions = {},
  ) {
    applyLora(model, adapter);
    this.model = model;
    this.encoder = encoder;
    this.device = model.embedding.weight.device;
    this.parameters = parameters;
    this.matrices = layerMatrices(parameters);
    this.options = options;
  }

  prepare(examples: readonly StyleExample[], draws: Draws): PreparedBatch<StyleBatch> {
    const { outputs: styleRows } = this.encoder.resampler;
    const tokens = droppedBatch(examples, draws, { ...this.options, styleRows });
    const references = this.scatteredOf(examples, draws);
    const batch = {
      tokens,
      features: styleFeatures(this.device, this.encoder, references),
      seeds: this.device.from(draws.seeds('noise', examples.length), [examples.length, 2]),
    };
    return { batch, weight: tokens.labelCount };
  }

  loss({ tokens, features, seeds }: StyleBatch): StepLoss {
    const { noiseStrength = 0.1 } = this.options;
    const style = addStyleNoise(this.encoder.fromFeatures(features), seeds, noiseStrength);
    const states = batchStates(this.model, tokens, { ...this.options, style });
    const labels = this.device.from(tokens.nextLabels);
    const { head } = this.model;
    return { loss: nextTokenLoss(head, states, labels, tokens.labelCount, this.options) };
  }

  private scatteredOf(examples: readonly StyleExample[], draws: Draws): TrainingReference[] {
    const { scatter = 0 } = this.options;
    const seeds = draws.seeds('scatter', examples.length);
    const { imageSize } = this.encoder.vision.config;
    return examples.map(({ reference }, i) => {
      const { pixels } = reference;
      const wanted = draws.uniform('scatter', i) < scatter;
      // Of another size it is refused when all of them are put together.
      if (!wanted || pixels?.length !== 3 * imageSize ** 2) return reference;
      const seed = [seeds[2 * i]!, seeds[2 * i + 1]!] as const;
      return { pixels: scattered(pixels, imageSize, seed) };
    });
  }
}

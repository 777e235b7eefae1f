import type { Chameleon } from '../models/chameleon.ts';
import { applyLora, type LoraAdapter } from '../models/lora.ts';
import type { StyleEncoder } from '../models/style_encoder.ts';
import { addStyleNoise } from '../models/style_tokens.ts';
import { concat, slice } from '../ops/copy_slice.ts';
import { mean } from '../ops/sum_rows.ts';
import type { Device } from '../tensor/device.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type BatchStatesOptions, batchStates } from './batch_states.ts';
import { type DpoOptions, dpoLoss, type PairLogProbs, sequenceLogProbs } from './dpo.ts';
import type { Draws } from './draws.ts';
import { styleFeatures, type TrainingReference } from './style_reference.ts';
import { type LabelledSequence, type TokenBatch, tokenBatch } from './token_batch.ts';
import type { TokenLossOptions } from './token_losses.ts';
import type { NamedTensors, PreparedBatch, StepLoss, Trainer } from './trainer.ts';

/** Two answers to one prompt and style, of which one was preferred. */
export interface PreferencePair {
  readonly reference: TrainingReference;
  readonly chosen: LabelledSequence;
  readonly rejected: LabelledSequence;
}

/** Both answers of every pair, and what the adapter made of them before it was trained. */
export interface PreferenceBatch {
  /** Of the chosen ones first. */
  readonly tokens: TokenBatch;
  /** `[2 * pairs, outputs, dim]`, f32 */
  readonly style: Tensor;
  /** By the adapter as it was before the training. */
  readonly before: PairLogProbs;
}

/** How preferences are learned, and in how much memory. */
export interface DpoTrainerOptions
  extends DpoOptions,
    Pick<BatchStatesOptions, 'dtype' | 'checkpointed'>,
    Pick<TokenLossOptions, 'chunkRows'> {
  /** Longer sequences are cut; none unless told. */
  readonly maxTokens?: number | undefined;
  /** Of the noise on style tokens, the same for both answers and both models; 0 unless told. */
  readonly noiseStrength?: number | undefined;
}

/**
 * Trains the adapter to prefer what was preferred, without going far from the adapter that it began as
 * (Rafailov et al. 2023). Resampler and transformer are frozen.
 */
export class DpoTrainer implements Trainer<PreferencePair, PreferenceBatch> {
  readonly device: Device;
  readonly parameters: NamedTensors;
  private readonly model: Chameleon;
  private readonly encoder: StyleEncoder;
  private readonly policy: LoraAdapter;
  private readonly reference: LoraAdapter;
  private readonly options: DpoTrainerOptions;

  /**
   * Sets the policy as the model's adapter.
   *
   * @param policy      what moves
   * @param reference   what it began as, in tensors of its own
   * @param parameters  of the policy, f32
   */
  constructor(
    model: Chameleon,
    encoder: StyleEncoder,
    { policy, reference }: { readonly policy: LoraAdapter; readonly reference: LoraAdapter },
    parameters: NamedTensors,
    options: DpoTrainerOptions = {},
  ) {
    applyLora(model, policy);
    this.model = model;
    this.encoder = encoder;
    this.policy = policy;
    this.reference = reference;
    this.device = model.embedding.weight.device;
    this.parameters = parameters;
    this.options = options;
  }

  prepare(examples: readonly PreferencePair[], draws: Draws): PreparedBatch<PreferenceBatch> {
    const { noiseStrength = 0, maxTokens } = this.options;
    const pairs = examples.length;
    const tokens = tokenBatch(
      [...examples.map(({ chosen }) => chosen), ...examples.map(({ rejected }) => rejected)],
      { maxTokens, styleRows: this.encoder.resampler.outputs },
    );
    return scope(() => {
      const references = examples.map(({ reference }) => reference);
      const clean = this.encoder.fromFeatures(styleFeatures(this.device, this.encoder, references));
      const seeds = this.device.from(draws.seeds('noise', pairs), [pairs, 2]);
      const noisy = addStyleNoise(clean, seeds, noiseStrength);
      const style = concat([noisy, noisy]);
      return {
        batch: { tokens, style, before: this.beforeTraining(tokens, style) },
        weight: pairs,
      };
    });
  }

  loss({ tokens, style, before }: PreferenceBatch): StepLoss {
    const now = this.logProbs(tokens, style);
    const { loss, margin } = dpoLoss(now, before, this.options);
    return {
      loss,
      metrics: {
        margin: mean(margin),
        chosen: mean(now.chosen),
        rejected: mean(now.rejected),
      },
    };
  }

  private beforeTraining(tokens: TokenBatch, style: Tensor): PairLogProbs {
    applyLora(this.model, this.reference);
    try {
      return scope(() => this.logProbs(tokens, style));
    } finally {
      applyLora(this.model, this.policy);
    }
  }

  private logProbs(tokens: TokenBatch, style: Tensor): PairLogProbs {
    const states = batchStates(this.model, tokens, { ...this.options, style });
    const labels = this.device.from(tokens.nextLabels);
    const all = sequenceLogProbs(this.model.head, states, labels, this.options);
    const pairs = tokens.sequences / 2;
    return { chosen: slice(all, 0, pairs), rejected: slice(all, pairs) };
  }
}

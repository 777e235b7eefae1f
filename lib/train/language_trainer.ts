import type { Chameleon } from '../models/chameleon.ts';
import type { Device } from '../tensor/device.ts';
import { type BatchStatesOptions, batchStates } from './batch_states.ts';
import { type ConditionedExample, type ConditioningDropout, withDropout } from './conditioning.ts';
import type { Draws } from './draws.ts';
import { nextTokenLoss } from './next_token_loss.ts';
import { type TokenBatch, tokenBatch } from './token_batch.ts';
import type { TokenLossOptions } from './token_losses.ts';
import type { NamedTensors, PreparedBatch, StepLoss, Trainer } from './trainer.ts';

/** How sequences become a loss; what trainers of the transformer share. */
export interface SequenceLossOptions
  extends Pick<BatchStatesOptions, 'dtype' | 'checkpointed'>,
    TokenLossOptions {
  /** Longer sequences are cut; none unless told. */
  readonly maxTokens?: number | undefined;
  readonly dropout?: ConditioningDropout | undefined;
}

/** Trains the whole transformer to write pictures of captions. */
export class LanguageTrainer implements Trainer<ConditionedExample, TokenBatch> {
  readonly device: Device;
  readonly parameters: NamedTensors;
  private readonly model: Chameleon;
  private readonly options: SequenceLossOptions;

  /** @param parameters  of the network, f32 or bf16: what its `Weights` hold */
  constructor(model: Chameleon, parameters: NamedTensors, options: SequenceLossOptions = {}) {
    this.model = model;
    this.device = model.embedding.weight.device;
    this.parameters = parameters;
    this.options = options;
  }

  prepare(examples: readonly ConditionedExample[], draws: Draws): PreparedBatch<TokenBatch> {
    const batch = droppedBatch(examples, draws, this.options);
    return { batch, weight: batch.labelCount };
  }

  loss(batch: TokenBatch): StepLoss {
    const { head } = this.model;
    const states = batchStates(this.model, batch, this.options);
    const labels = this.device.from(batch.nextLabels);
    return { loss: nextTokenLoss(head, states, labels, batch.labelCount, this.options) };
  }
}

/** The sequences of a batch, parts of what they are conditioned on left out by chance. */
export function droppedBatch(
  examples: readonly ConditionedExample[],
  draws: Draws,
  { dropout = {}, maxTokens }: Pick<SequenceLossOptions, 'dropout' | 'maxTokens'>,
): TokenBatch {
  const sequences = examples.map((example, i) =>
    withDropout(example, dropout, draws.uniform('condition', i)),
  );
  return tokenBatch(sequences, maxTokens);
}

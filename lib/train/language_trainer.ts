import type { Chameleon } from '../models/chameleon.ts';
import type { Device } from '../tensor/device.ts';
import { type BatchStatesOptions, batchStates } from './batch_states.ts';
import { type ConditionedExample, type ConditioningDropout, withDropout } from './conditioning.ts';
import type { Draws } from './draws.ts';
import { layerMatrices } from './layer_matrices.ts';
import { nextTokenLoss } from './next_token_loss.ts';
import { type TokenBatch, type TokenBatchOptions, tokenBatch } from './token_batch.ts';
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

/** How the whole transformer is trained. */
export interface LanguageTrainerOptions extends SequenceLossOptions {
  /** The share that is dropped of what each branch of a layer adds, in [0, 1); 0 unless told. */
  readonly branchDropout?: number | undefined;
}

/** Sequences, and by which numbers branches are dropped of each. */
export interface LanguageBatch extends TokenBatch {
  /** `[layers, 2, sequences, 2]`: halves of seeds, for attention and product of each layer. */
  readonly branchSeeds?: Int32Array | undefined;
}

/** Trains the whole transformer to write pictures of captions. */
export class LanguageTrainer implements Trainer<ConditionedExample, LanguageBatch> {
  readonly device: Device;
  readonly parameters: NamedTensors;
  readonly matrices: ReadonlySet<string>;
  private readonly model: Chameleon;
  private readonly options: LanguageTrainerOptions;

  /** @param parameters  of the network, f32 or bf16: what its `Weights` hold */
  constructor(model: Chameleon, parameters: NamedTensors, options: LanguageTrainerOptions = {}) {
    this.model = model;
    this.device = model.embedding.weight.device;
    this.parameters = parameters;
    this.matrices = layerMatrices(parameters);
    this.options = options;
  }

  prepare(examples: readonly ConditionedExample[], draws: Draws): PreparedBatch<LanguageBatch> {
    const batch = droppedBatch(examples, draws, this.options);
    const { labelCount: weight } = batch;
    if (!this.options.branchDropout) return { batch, weight };
    const { layers } = this.model.shape;
    const branchSeeds = branchSeedsOf(draws.seeds('branch', examples.length), layers);
    return { batch: { ...batch, branchSeeds }, weight };
  }

  loss(batch: LanguageBatch): StepLoss {
    const { branchDropout: p } = this.options;
    const { branchSeeds } = batch;
    if (!p || !branchSeeds) return this.lossOf(batch);
    const seeds = this.device.from(branchSeeds, [branchSeeds.length / 2, 2]);
    return this.lossOf(batch, { p, seeds });
  }

  /** Nothing is dropped. */
  heldOutLoss(batch: LanguageBatch): StepLoss {
    return this.lossOf(batch);
  }

  private lossOf(batch: TokenBatch, branchDropout?: BatchStatesOptions['branchDropout']): StepLoss {
    const { head } = this.model;
    const states = batchStates(this.model, batch, { ...this.options, branchDropout });
    const labels = this.device.from(batch.nextLabels);
    return { loss: nextTokenLoss(head, states, labels, batch.labelCount, this.options) };
  }
}

/**
 * Seeds of the branches of all layers: those of the sequences, counted on by one from branch to branch.
 *
 * @param sequenceSeeds  `[sequences, 2]`
 * @returns              `[layers, 2, sequences, 2]`
 */
function branchSeedsOf(sequenceSeeds: Int32Array, layers: number): Int32Array {
  const seeds = new Int32Array(2 * layers * sequenceSeeds.length);
  for (let branch = 0; branch < 2 * layers; branch++)
    for (let i = 0; i < sequenceSeeds.length; i++)
      seeds[branch * sequenceSeeds.length + i] = sequenceSeeds[i]! + (i % 2 === 0 ? branch : 0);
  return seeds;
}

/**
 * The sequences of a batch, parts of what they are conditioned on left out by chance. A caption that leaves
 * no room for anything of its picture is left out too: there would be nothing to learn.
 */
export function droppedBatch(
  examples: readonly ConditionedExample[],
  draws: Draws,
  {
    dropout = {},
    maxTokens,
    styleRows,
  }: Pick<SequenceLossOptions, 'dropout' | 'maxTokens'> & Pick<TokenBatchOptions, 'styleRows'>,
): TokenBatch {
  const sequences = examples.map((example, i) => {
    const sequence = withDropout(example, dropout, draws.uniform('condition', i));
    return sequence.labels.slice(1, maxTokens).some(isLabel) ? sequence : example.withoutCaption;
  });
  return tokenBatch(sequences, { maxTokens, styleRows });
}

const isLabel = (label: number): boolean => label >= 0;

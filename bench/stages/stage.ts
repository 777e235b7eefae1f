/** What the bench of a stage of training states: a step of the trainer itself, and the peer's name of it. */

import path from 'node:path';

import type { Device, Tensor, Weights } from '../../lib/index.ts';
import { readTrainConfig, type StageConfig, type TrainConfig } from '../../lib/train/config.ts';
import { trainingOf } from '../../lib/train/run.ts';
import type { NamedTensors, Trainer } from '../../lib/train/trainer.ts';
import type { PeerRequest } from '../compare/peer.ts';
import type { Float } from '../ops/case.ts';

export interface TrainingStage {
  /** Examples of a step in words. */
  readonly batch: string;
  /** Of what a step costs most. */
  readonly dtype: Float;
  /** What is counted a second. */
  readonly unit: 'pictures' | 'tokens';
  /** How many of these a step has. */
  readonly units: number;
  /**
   * Operations of the products and convolutions of a step, a multiply-add being two; what is not
   * needed, such as the gradient of a frozen weight, or is computed twice, does not count. Neither do
   * norms, losses, what goes element by element, and the optimizer.
   */
  readonly work: number;
  /** A stage of compare/torch_stages.py with its sizes. */
  readonly torch: PeerRequest;
  readonly open: (device: Device) => OpenedStage | Promise<OpenedStage>;
}

export interface OpenedStage {
  /** Makes the next step of the training, which has no end. */
  readonly step: () => Promise<void>;
  /** Steps that the config asks for. */
  readonly plannedSteps: number;
  readonly sizes: NetworkSizes;
}

/** How many numbers the networks of a stage have. */
export interface NetworkSizes {
  /** Frozen ones among them. */
  readonly parameters: number;
  readonly trained: number;
}

/** The config of a stage of the embedded model. */
export function configOf<Stage extends TrainConfig['stage']>(
  root: string,
  name: string,
  stage: Stage,
): StageConfig<Stage> {
  const config = readTrainConfig(path.join(root, 'train', 'tiny', `${name}.json`));
  if (config.stage !== stage) throw new Error(`${name}: expected a stage ${stage}`);
  return config as StageConfig<Stage>;
}

/** Where the networks of the embedded model are described. */
export const networkOf = (root: string, name: string): string =>
  path.join(root, 'train', 'tiny', 'networks', name);

/** What torch_stages.py is told of the optimizer. */
export function optimizerOf({ training }: TrainConfig) {
  const { rate, beta1, beta2, decay, maxNorm, averageDecay = 0 } = training;
  const { optimizer = 'adamw', momentum = 0.95 } = training;
  return { optimizer, momentum, rate, beta1, beta2, decay, maxNorm, averageDecay };
}

/**
 * Samples that the stages before leave, by the name of the index: as many as these are asked for, of
 * which curation and preferences drop some (see train/tiny/run.mjs, 5-curated.json, 7-preferences.json).
 */
const samples: Readonly<Record<string, number>> = {
  raw: 40_000,
  stylised: 40_000,
  'raw-tokens': 40_000,
  'stylised-tokens': 40_000,
  curated: 2_400 * 5,
  preferences: 40 * 20,
};

/**
 * The training of a config, on a few examples that take the places of all of them.
 *
 * @param networks  all that is computed with, frozen or not
 */
export function openedStage<Example, Batch>(
  config: TrainConfig,
  trainer: Trainer<Example, Batch>,
  examples: readonly Example[],
  networks: readonly Weights[],
): OpenedStage {
  const counts = config.data.sources.map(({ shards: [index = ''] }) => {
    const name = path.basename(index, '.index.json');
    const count = samples[name];
    if (count === undefined) throw new Error(`stages: expected a known source, got ${name}`);
    return count;
  });
  const length = counts.reduce((sum, count) => sum + count, 0);
  const training = trainingOf(
    { ...config, training: { ...config.training, epochs: 1e6 } },
    {
      trainer: trainer as Trainer<unknown, unknown>,
      examples: { length, at: (index) => examples[index % examples.length] },
      counts,
      lengths: () => new Float32Array(length),
    },
    async () => ({}),
  );
  const steps = training.steps();
  return {
    step: async () => {
      await steps.next();
    },
    plannedSteps: Math.round(config.training.epochs * training.stepsPerEpoch),
    sizes: {
      parameters: networks.reduce((sum, weights) => sum + numbersOf(weights.entries()), 0),
      trained: numbersOf(trainer.parameters),
    },
  };
}

const numbersOf = (tensors: NamedTensors): number =>
  tensors.reduce((sum, [, tensor]: readonly [string, Tensor]) => sum + tensor.count, 0);

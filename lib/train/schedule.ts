/** How the learning rate runs over a training: linearly up, then down along half a cosine. */
export interface LearningRateSchedule {
  /** What it rises to, 0 or more. */
  readonly rate: number;
  /** What it falls to by the end; `rate` unless told, so that it stays. */
  readonly minRate?: number | undefined;
  /** How long it rises, in epochs or parts of such; 0 unless told. */
  readonly warmupEpochs?: number | undefined;
  /** The whole training, in epochs; more than the warm-up. */
  readonly epochs: number;
}

/**
 * The learning rate of a step: `rate * epoch / warmupEpochs` at first, then
 * `minRate + (rate - minRate) (1 + cos(π (epoch - warmupEpochs) / (epochs - warmupEpochs))) / 2`
 * (Loshchilov & Hutter 2017, without restarts). The very first step of a warm-up has a rate of 0.
 *
 * @param epoch  how far the training is before the step: steps made / steps of an epoch
 */
export function learningRate(epoch: number, schedule: LearningRateSchedule): number {
  const { rate, minRate = rate, warmupEpochs = 0, epochs } = schedule;
  if (epoch < warmupEpochs) return (rate * epoch) / warmupEpochs;
  const share = Math.min(1, (epoch - warmupEpochs) / (epochs - warmupEpochs));
  return minRate + ((rate - minRate) * (1 + Math.cos(Math.PI * share))) / 2;
}

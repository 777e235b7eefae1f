import type { Device } from '../../lib/index.ts';
import { Training } from '../../lib/train/loop.ts';
import { points, SmallTrainer } from './small_trainer.ts';

/** Everything that a checkpoint has to hold: bf16 with masters, noise, an average, a counter. */
export function smallTraining(device: Device) {
  const trainer = new SmallTrainer({ device, dtype: 'bf16', noise: 0.1 });
  const training = new Training(trainer, points(50), {
    // Longer than a thousand kills need, of which each lets some 9 steps of 6 an epoch pass.
    schedule: { rate: 0.02, minRate: 0.001, warmupEpochs: 0.5, epochs: 10_000 },
    batchSize: 4,
    accumulation: 2,
    averageDecay: 0.9,
    decay: 0.01,
    maxNorm: 1,
    seed: 11,
  });
  const dispose = () => {
    training.dispose();
    trainer.dispose();
  };
  return { training, trainer, [Symbol.dispose]: dispose };
}

import { openDevice } from '../tensor/open_device.ts';
import { readTrainConfig } from '../train/config.ts';
import { runTraining } from '../train/run.ts';
import { Progress } from './progress.ts';

export interface TrainCommandOptions {
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
}

/**
 * `stylear train <config>`: prints the config with its defaults, trains, and goes on where an earlier
 * run stopped. An interruption (SIGINT, SIGTERM) stops it after the step that is being made, and saves.
 *
 * @returns the exit status: 0 when it came to its end, 1 when it was stopped
 */
export async function trainCommand(
  file: string,
  { device: name, threads }: TrainCommandOptions,
): Promise<number> {
  const config = readTrainConfig(file);
  console.log(JSON.stringify(config, undefined, 2));
  const controller = new AbortController();
  const stop = () => controller.abort();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, stop);
  await using device = await openDevice(name, threads === undefined ? {} : { threads });
  const progress = new Progress();
  try {
    const { steps, totalSteps, files } = await runTraining(config, device, {
      signal: controller.signal,
      onStep: ({ step, loss, seconds }, total) =>
        progress.update(step, total, `loss ${loss.toFixed(4)}, ${seconds.toFixed(2)} s a step`),
    });
    progress.clear();
    if (files.length === 0) {
      console.log(`stopped after step ${steps} of ${totalSteps}; the same command goes on`);
      return 1;
    }
    for (const written of files) console.log(written);
    return 0;
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

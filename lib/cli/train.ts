import { readTrainConfig } from '../train/config.ts';
import { runTraining } from '../train/run.ts';
import { startOf } from '../train/start.ts';
import { Progress } from './progress.ts';
import { type StoppableOptions, stoppable } from './stoppable.ts';

/**
 * `stylear train <config>`: prints the config with its defaults and from which weights a network starts,
 * trains, and goes on where an earlier run stopped. An interruption stops it after the step that is being
 * made, and saves.
 *
 * @returns the exit status: 0 when it came to its end, 1 when it was stopped
 */
export async function trainCommand(file: string, options: StoppableOptions): Promise<number> {
  const config = readTrainConfig(file);
  return await stoppable(config, options, async (device, signal) => {
    if (config.stage !== 'style' && config.stage !== 'dpo')
      console.log(`starts from ${startOf(config) ?? 'fresh weights'}`);
    const progress = new Progress();
    const { steps, totalSteps, files } = await runTraining(config, device, {
      signal,
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
  });
}

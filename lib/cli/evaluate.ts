import { readEvaluateConfig } from '../evaluate/config.ts';
import { evaluate, reportFiles } from '../evaluate/evaluate.ts';
import { Progress } from './progress.ts';
import { type StoppableOptions, stoppable } from './stoppable.ts';

/**
 * `stylear evaluate <config>`: prints the config with its defaults, draws pictures with every model,
 * judges them, and goes on where an earlier run stopped. An interruption stops it.
 *
 * @returns the exit status: 0 when it came to its end, 1 when it was stopped
 */
export async function evaluateCommand(file: string, options: StoppableOptions): Promise<number> {
  const config = readEvaluateConfig(file);
  return await stoppable(config, options, async (device, signal) => {
    const progress = new Progress();
    try {
      await evaluate(config, device, {
        signal,
        onProgress: (stage, done, total) => progress.update(done, total, stage),
      });
    } finally {
      progress.clear();
    }
    for (const written of Object.values(reportFiles(config.output))) console.log(written);
    return 0;
  });
}

import { readEvaluateConfig } from '../evaluate/config.ts';
import { evaluate, reportFiles } from '../evaluate/evaluate.ts';
import { openDevice } from '../tensor/open_device.ts';
import { Progress } from './progress.ts';

export interface EvaluateCommandOptions {
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
}

/**
 * `stylear evaluate <config>`: prints the config with its defaults, draws pictures with every model,
 * judges them, and goes on where an earlier run stopped. An interruption (SIGINT, SIGTERM) stops it.
 *
 * @returns the exit status: 0 when it came to its end, 1 when it was stopped
 */
export async function evaluateCommand(
  file: string,
  { device: name, threads }: EvaluateCommandOptions,
): Promise<number> {
  const config = readEvaluateConfig(file);
  console.log(JSON.stringify(config, undefined, 2));
  const controller = new AbortController();
  const { signal } = controller;
  const stop = () => controller.abort();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.once(name, stop);
  await using device = await openDevice(name, threads === undefined ? {} : { threads });
  // Time left is counted within a stage: what the next ones take is not known.
  let [progress, current] = [new Progress(), ''];
  try {
    await evaluate(config, device, {
      signal,
      onProgress: (stage, done, total) => {
        if (stage !== current) [progress, current] = [new Progress(), stage];
        progress.update(done, total, stage);
      },
    });
    progress.clear();
    for (const written of Object.values(reportFiles(config.output))) console.log(written);
    return 0;
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    progress.clear();
    console.log('stopped; the same command goes on');
    return 1;
  } finally {
    for (const name of signals) process.off(name, stop);
  }
}

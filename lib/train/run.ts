import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../replace_file.ts';
import type { Device } from '../tensor/device.ts';
import { resumeTraining, saveTraining } from './checkpoint.ts';
import type { TrainConfig } from './config.ts';
import { Training, type TrainingStep } from './loop.ts';
import { mixed } from './mix.ts';
import { reportPage } from './report.ts';
import { openStage, type Stage } from './stage.ts';
import { StepLog } from './step_log.ts';

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** @param totalSteps  of the whole training */
  readonly onStep?: (step: TrainingStep, totalSteps: number) => void;
}

/** What a run leaves in its folder. */
export interface RunResult {
  /** Steps that were made in all. */
  readonly steps: number;
  readonly totalSteps: number;
  /** Files of the trained weights; none where it was stopped before its end. */
  readonly files: readonly string[];
}

/**
 * Trains what a config says, from where an earlier run of the same config stopped. The folder gets
 * checkpoints, `steps.jsonl`, `report.html`, `config.json` and, in the end, the weights.
 *
 * Throws `ERR_INPUT` where the folder is that of another config.
 */
export async function runTraining(
  config: TrainConfig,
  device: Device,
  { signal, onStep }: RunOptions = {},
): Promise<RunResult> {
  const { output } = config;
  const { saveEvery } = config.training;
  const identity = JSON.stringify(config);
  using stage = openStage(config, device);
  using training = trainingOf(config, stage);
  const { totalSteps } = training;
  const checkpoints = join(output, 'checkpoints');
  mkdirSync(output, { recursive: true });
  resumeTraining(checkpoints, training, { identity });
  await write(join(output, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
  const log = await StepLog.open(join(output, 'steps.jsonl'), training.step);
  const save = async () => {
    await saveTraining(checkpoints, training, { identity });
    const page = reportPage({ title: `${config.stage}: ${output}`, steps: log.steps });
    await write(join(output, 'report.html'), page);
  };
  for await (const step of training.steps(signal)) {
    log.append(step);
    onStep?.(step, totalSteps);
    if (step.step % saveEvery === 0) await save();
  }
  await save();
  const done = training.step === totalSteps;
  const files = done ? await training.averaged(() => writeResults(output, stage)) : [];
  return { steps: training.step, totalSteps, files };
}

function trainingOf(config: TrainConfig, stage: Stage): Training<unknown, unknown> {
  const { epochs, rate, minRate, warmupEpochs, seed, ...options } = config.training;
  const sources = config.data.sources.map(({ share }, i) => ({ count: stage.counts[i]!, share }));
  return new Training(stage.trainer, stage.examples, {
    ...options,
    seed,
    schedule: { epochs, rate, warmupEpochs, minRate: minRate ?? rate },
    order: sources.length > 1 ? mixed(sources, seed) : undefined,
  });
}

function writeResults(output: string, { results }: Stage): Promise<string[]> {
  return Promise.all(
    Object.entries(results).map(async ([name, weights]) => {
      const file = join(output, name);
      await weights.save(file);
      return file;
    }),
  );
}

const write = (path: string, text: string): Promise<void> =>
  replaceFile(path, 'ERR_INPUT', (append) => append(Buffer.from(text)));

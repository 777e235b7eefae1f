import { join, resolve } from 'node:path';
import { StylearError } from '../error.ts';
import { takeLock } from '../file_lock.ts';
import type { Picture } from '../image/picture.ts';
import { makeFolder } from '../make_folder.ts';
import { replaceFile } from '../replace_file.ts';
import type { Device } from '../tensor/device.ts';
import { checkpointsOf, resumeTraining, saveTraining } from './checkpoint.ts';
import type { TrainConfig } from './config.ts';
import { EventFile, eventFileName } from './event_file.ts';
import { heldOutFigures } from './held_out.ts';
import { trainingIdentity } from './identity.ts';
import { Training, type TrainingStep } from './loop.ts';
import { mixed } from './mix.ts';
import { reportPage } from './report.ts';
import { Sheets } from './sheets.ts';
import { openStage, type Stage } from './stage.ts';
import { StepLog } from './step_log.ts';

/** How a run is stopped and watched. */
export interface RunOptions {
  /** Ends the run before its next step; what was made is saved, and the next run goes on from there. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called after each step.
   *
   * @param totalSteps  of the whole training
   */
  readonly onStep?: ((step: TrainingStep, totalSteps: number) => void) | undefined;
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
 * checkpoints, `steps.jsonl`, events for TensorBoard, `report.html`, `config.json`, sheets where something
 * is held out and to be seen, and, in the end, the weights.
 *
 * Throws `ERR_INPUT` where the folder is that of another config or of other files under the same names, where
 * another run is at it, where it is a folder that the config reads, and where it cannot be written to. A
 * sample that is not what it must be is named by it too, once the steps before it are saved; of one that is
 * held out, the steps since the last save are made again.
 */
export async function runTraining(
  config: TrainConfig,
  device: Device,
  { signal, onStep }: RunOptions = {},
): Promise<RunResult> {
  const { output } = config;
  const { saveEvery } = config.training;
  requireOwnFolder(config);
  using stage = openStage(config, device);
  makeFolder(output);
  using _lock = takeLock(join(output, 'lock'), 'the training');
  const identity = trainingIdentity(config);
  const checkpoints = join(output, 'checkpoints');
  if (checkpointsOf(checkpoints).length === 0) await stage.begin?.();
  let measured: Picture | undefined;
  const evaluate = async () => {
    const { figures, sheet } = await measure(config, stage);
    measured = sheet;
    return figures;
  };
  using training = trainingOf(config, stage, evaluate);
  const { totalSteps } = training;
  resumeTraining(checkpoints, training, { identity });
  await write(join(output, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
  const log = await StepLog.open(join(output, 'steps.jsonl'), training.step);
  const caption = stage.heldOut?.sheet?.caption;
  const sheets =
    caption === undefined ? undefined : new Sheets(join(output, 'sheets'), training.step, caption);
  const events = new EventFile(join(output, eventFileName), log.steps, sheets?.shown() ?? []);
  const save = async () => {
    await saveTraining(checkpoints, training, { identity });
    const title = `${config.stage}: ${output}`;
    const page = reportPage({ title, steps: log.steps, sheets: sheets?.shown() });
    await write(join(output, 'report.html'), page);
  };
  try {
    for await (const step of training.steps(signal)) {
      log.append(step);
      events.append(step);
      if (measured && sheets) events.appendSheet(await sheets.add(step.step, measured));
      measured = undefined;
      onStep?.(step, totalSteps);
      if (step.step % saveEvery === 0) await save();
    }
  } catch (error) {
    // Samples are read between steps, where a training is whole. Those that are held out are read within
    // one, which is taken again: it is not in the log.
    const whole = log.steps.at(-1)?.step === training.step;
    if (whole && error instanceof StylearError && error.code === 'ERR_INPUT') await save();
    throw error;
  }
  await save();
  const done = training.step === totalSteps;
  const files = done ? await training.averaged(() => writeResults(output, stage)) : [];
  return { steps: training.step, totalSteps, files };
}

/** The `config.json` of a network would be replaced by that of the run. A VQGAN has none. */
function requireOwnFolder(config: TrainConfig): void {
  const output = resolve(config.output);
  const read = config.stage === 'vqgan' ? {} : config;
  for (const name of ['network', 'transformer', 'clip'] as const) {
    const folder = (read as { readonly [name: string]: unknown })[name];
    if (typeof folder !== 'string' || resolve(folder) !== output) continue;
    throw new StylearError(
      'ERR_INPUT',
      `output: expected a folder of its own, got that of ${name}, ${folder}`,
    );
  }
}

/** Figures of the held-out samples under names of their own, and the sheet of the moment. */
async function measure(
  { training: { batchSize, seed } }: TrainConfig,
  { trainer, heldOut }: Stage,
): Promise<{ figures: Record<string, number>; sheet: Picture | undefined }> {
  if (!heldOut) return { figures: {}, sheet: undefined };
  const { examples, derived, sheet } = heldOut;
  const means = await heldOutFigures(trainer, examples, { batchSize, seed });
  const named = Object.entries({ ...means, ...derived(means) }).map(
    ([name, figure]) => [`heldOut/${name}`, figure] as const,
  );
  return { figures: Object.fromEntries(named), sheet: await sheet?.draw() };
}

/**
 * The training that a config asks for, before its first step.
 *
 * @param evaluate  what is measured now and then, where the config says so
 */
export function trainingOf(
  config: TrainConfig,
  stage: Pick<Stage, 'trainer' | 'examples' | 'counts' | 'lengths'>,
  evaluate: () => Promise<Record<string, number>>,
): Training<unknown, unknown> {
  const { epochs, rate, minRate, warmupEpochs, seed, chunkBatches, ...options } = config.training;
  const sources = config.data.sources.map(({ share }, i) => ({ count: stage.counts[i]!, share }));
  return new Training(stage.trainer, stage.examples, {
    ...options,
    seed,
    schedule: { epochs, rate, warmupEpochs, minRate: minRate ?? rate },
    order: sources.length > 1 ? mixed(sources, seed) : undefined,
    evaluation: config.evaluation && { every: config.evaluation.every, run: evaluate },
    ...(chunkBatches !== undefined && { chunkBatches, lengths: stage.lengths() }),
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

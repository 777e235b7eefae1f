import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { StylearError } from '../error.ts';
import { takeLock } from '../file_lock.ts';
import { requireIdentity } from '../identity.ts';
import { makeFolder } from '../make_folder.ts';
import type { Device } from '../tensor/device.ts';
import { resumeTraining, saveTraining } from '../train/checkpoint.ts';
import { Training, type TrainingStep } from '../train/loop.ts';
import { openFile } from '../weights/byte_source.ts';
import { readSafetensors } from '../weights/safetensors.ts';
import { Weights } from '../weights/weights.ts';
import { classifierExamples } from './classifier_examples.ts';
import { ClassifierTrainer } from './classifier_trainer.ts';
import { SubjectClassifier } from './subject_classifier.ts';

/** What a classifier of subjects is trained on, how long, and where it is kept. */
export interface ClassifierTraining {
  /** The file that is written in the end; checkpoints stand beside it until then. */
  readonly weights: string;
  /** Pixels a side of the drawings. */
  readonly size: number;
  /** Drawings in all, and how often each comes. */
  readonly pictures: number;
  readonly epochs: number;
  readonly batchSize: number;
  /** Of learning; it falls to a 50th of this. */
  readonly rate: number;
  readonly seed: number;
}

/** How a training of the classifier is stopped and watched. */
export interface TrainClassifierOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((step: TrainingStep, totalSteps: number) => void) | undefined;
}

const saveEvery = 100;

/**
 * Trains a classifier, unless its file is there. It goes on where it was stopped, and the same settings
 * give the same weights.
 *
 * Throws `ERR_INPUT` where the file, or checkpoints beside it, are those of other settings.
 *
 * @returns whether the file is there: not when it was aborted before its end
 */
export async function trainClassifier(
  settings: ClassifierTraining,
  device: Device,
  { signal, onStep }: TrainClassifierOptions = {},
): Promise<boolean> {
  const { weights: file, size, pictures, epochs, batchSize, rate, seed } = settings;
  const checkpoints = `${file}.checkpoints`;
  const identity = JSON.stringify({ size, pictures, epochs, batchSize, rate, seed });
  if (existsSync(file)) {
    requireTrainedSo(file, identity);
    return true;
  }
  makeFolder(dirname(file));
  // Evaluations that write to other folders may ask for the same one.
  using _lock = takeLock(`${file}.lock`, 'the training of the classifier');
  using weights = Weights.fresh(device, { seed, dtype: 'f32' });
  const classifier = new SubjectClassifier(weights);
  const trainer = new ClassifierTrainer(classifier, weights.entries());
  using training = new Training(trainer, classifierExamples(pictures, size), {
    batchSize,
    seed,
    decay: 0.05,
    maxNorm: 1,
    averageDecay: 0.99,
    schedule: { epochs, rate, minRate: rate / 50, warmupEpochs: epochs / 50 },
  });
  resumeTraining(checkpoints, training, { identity });
  for await (const step of training.steps(signal)) {
    onStep?.(step, training.totalSteps);
    if (step.step % saveEvery === 0) await saveTraining(checkpoints, training, { identity });
  }
  if (training.step < training.totalSteps) {
    await saveTraining(checkpoints, training, { identity });
    return false;
  }
  await training.averaged(() => weights.save(file, { format: 'stylear-classifier', identity }));
  rmSync(checkpoints, { recursive: true, force: true });
  return true;
}

/** What was trained with other settings would be reported as what these make. */
function requireTrainedSo(file: string, identity: string): void {
  using source = openFile(file);
  const found = readSafetensors(source).metadata.get('identity');
  if (found === undefined) {
    throw new StylearError(
      'ERR_INPUT',
      `${file}: expected it to be a classifier that says what it was trained with, got none`,
    );
  }
  requireIdentity(file, found, identity, 'Ask for what it is, or name another file.');
}

import { crossEntropy } from '../ops/cross_entropy.ts';
import { mean } from '../ops/sum_rows.ts';
import type { Device } from '../tensor/device.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Draws } from '../train/draws.ts';
import type { NamedTensors, PreparedBatch, StepLoss, Trainer } from '../train/trainer.ts';
import type { ClassifierExample } from './classifier_examples.ts';
import { classifierInput, classifierSide, type SubjectClassifier } from './subject_classifier.ts';

interface ClassifierBatch {
  readonly pixels: Tensor;
  /** `[images]`, i32 */
  readonly labels: Tensor;
}

/** Pixels by which pictures are moved at most, along either axis. */
const reach = 3;

/** Trains the classifier by cross-entropy, on pictures that are moved a little and often mirrored. */
export class ClassifierTrainer implements Trainer<ClassifierExample, ClassifierBatch> {
  readonly device: Device;
  readonly parameters: NamedTensors;
  private readonly classifier: SubjectClassifier;

  /** @param parameters  of the network: what its `Weights` hold */
  constructor(classifier: SubjectClassifier, parameters: NamedTensors) {
    this.device = classifier.device;
    this.classifier = classifier;
    this.parameters = parameters;
  }

  prepare(examples: readonly ClassifierExample[], draws: Draws): PreparedBatch<ClassifierBatch> {
    const levels = examples.map((example, i) => varied(example.levels, draws, i));
    const labels = Int32Array.from(examples, ({ label }) => label);
    const batch = {
      pixels: classifierInput(this.device, levels),
      labels: this.device.from(labels),
    };
    return { batch, weight: examples.length };
  }

  loss({ pixels, labels }: ClassifierBatch): StepLoss {
    return { loss: mean(crossEntropy(this.classifier.logits(pixels), labels)) };
  }
}

/** A picture in mirror every other time, and moved; pixels at its edges repeat. */
function varied(levels: Uint8Array, draws: Draws, index: number): Uint8Array {
  const mirrored = draws.below(2, 'flip', index) === 1;
  const [dx, dy] = [0, 1].map(
    (axis) => draws.below(2 * reach + 1, 'noise', 2 * index + axis) - reach,
  ) as [number, number];
  const last = classifierSide - 1;
  const within = (at: number) => Math.min(Math.max(at, 0), last);
  const moved = new Uint8Array(levels.length);
  for (let y = 0, to = 0; y <= last; y++) {
    const row = within(y + dy) * classifierSide;
    for (let x = 0; x <= last; x++, to += 3) {
      const from = 3 * (row + within((mirrored ? last - x : x) + dx));
      moved[to] = levels[from]!;
      moved[to + 1] = levels[from + 1]!;
      moved[to + 2] = levels[from + 2]!;
    }
  }
  return moved;
}

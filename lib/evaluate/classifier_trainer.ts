import { crossEntropy } from '../ops/cross_entropy.ts';
import { mean } from '../ops/sum_rows.ts';
import type { Device } from '../tensor/device.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { NamedTensors, PreparedBatch, StepLoss, Trainer } from '../train/trainer.ts';
import type { ClassifierExample } from './classifier_examples.ts';
import { classifierInput, type SubjectClassifier } from './subject_classifier.ts';

interface ClassifierBatch {
  readonly pixels: Tensor;
  /** `[images]`, i32 */
  readonly labels: Tensor;
}

/** Trains the classifier by cross-entropy. */
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

  prepare(examples: readonly ClassifierExample[]): PreparedBatch<ClassifierBatch> {
    const levels = examples.map((example) => example.levels);
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

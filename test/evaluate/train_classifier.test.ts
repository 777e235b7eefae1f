import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { subjects } from '../../lib/curate/world/subjects/subjects.ts';
import { classifierExamples, heldOutPictures } from '../../lib/evaluate/classifier_examples.ts';
import { ClassifierTrainer } from '../../lib/evaluate/classifier_trainer.ts';
import { openClassifier, SubjectClassifier } from '../../lib/evaluate/subject_classifier.ts';
import { trainClassifier } from '../../lib/evaluate/train_classifier.ts';
import { Weights, zeros } from '../../lib/index.ts';
import { fall, moved, trained, trainingDevice, valuesIn } from '../train/trained.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-classifier-'));
afterAll(() => rmSync(root, { recursive: true }));
const device = await trainingDevice();
const settings = { size: 48, pictures: 64, epochs: 3, batchSize: 32, rate: 3e-3, seed: 5 };

describe('the classifier', () => {
  test('learns the subjects of pictures, and moves every tensor', async () => {
    using weights = Weights.fresh(device, { seed: 1 });
    const classifier = new SubjectClassifier(weights);
    const before = await valuesIn(weights);
    const trainer = new ClassifierTrainer(classifier, weights.entries());
    const examples = classifierExamples(16, 48);
    const steps = await trained(trainer, examples, 48, { rate: 3e-3 });
    const [first, last] = fall(steps, 1);
    // Nothing is known at first: one of 69.
    expect(first).toBeGreaterThan(3.5);
    expect(last).toBeLessThan(1);
    const after = await valuesIn(weights);
    expect(moved(before, after)).toEqual([...before.keys()].sort());
  });

  test('names a subject for every picture, the same whatever is beside it', async () => {
    using weights = Weights.fresh(device, { seed: 1 });
    const classifier = new SubjectClassifier(weights);
    const pictures = (await heldOutPictures('stylised', 5, 48)).map(({ picture }) => picture);
    const names = await classifier.classify(pictures, 2);
    expect(names.every((name) => subjects.some((subject) => subject.name === name))).toBe(true);
    expect(await classifier.classify(pictures.slice(4))).toEqual(names.slice(4));
  });
});

describe('a training of the classifier', () => {
  const bytes = (name: string) => readFileSync(join(root, name));

  test('that is stopped and made again leaves the weights of one without a break', async () => {
    const whole = join(root, 'whole.safetensors');
    expect(await trainClassifier({ ...settings, weights: whole }, device)).toBe(true);
    const parts = { ...settings, weights: join(root, 'parts.safetensors') };
    const controller = new AbortController();
    const made: number[] = [];
    const stopped = await trainClassifier(parts, device, {
      signal: controller.signal,
      onStep: ({ step }) => {
        made.push(step);
        if (step === 2) controller.abort();
      },
    });
    expect([stopped, existsSync(parts.weights)]).toEqual([false, false]);
    const onStep = ({ step }: { readonly step: number }) => made.push(step);
    expect(await trainClassifier(parts, device, { onStep })).toBe(true);
    expect(made).toEqual([1, 2, 3, 4, 5, 6]);
    expect(bytes('parts.safetensors').equals(bytes('whole.safetensors'))).toBe(true);
    // What is there is not made again.
    expect(await trainClassifier(parts, device, { onStep })).toBe(true);
    expect(made).toHaveLength(6);
    // What it is is not said of others.
    await expect(
      trainClassifier({ ...parts, pictures: 16_000, size: 96 }, device),
    ).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message:
        `${parts.weights}: expected size to be 48, as it was begun with, got 96; pictures to be 64, ` +
        'got 16000. Ask for what it is, or name another file.',
    });
    using opened = openClassifier(parts.weights, device);
    const [one] = await heldOutPictures('raw', 1, 48);
    expect(await opened.classifier.classify([one!.picture])).toHaveLength(1);
  });

  test('of other subjects is refused', async () => {
    const file = join(root, 'other.safetensors');
    using weights = Weights.fresh(device);
    weights.at('head').tensor('bias', [3], zeros);
    await weights.save(file);
    await expect(trainClassifier({ ...settings, weights: file }, device)).rejects.toThrow(
      `${file}: expected it to be a classifier that says what it was trained with, got none`,
    );
    expect(() => openClassifier(file, device)).toThrow(
      `${file}: expected the classifier to be of ${subjects.length} subjects, got 3. Train it anew.`,
    );
  });
});

import { expect, test } from 'vitest';
import { subjects } from '../../lib/curate/world/subjects/subjects.ts';
import { JudgedSplit } from '../../lib/evaluate/measures.ts';
import { evaluatedPrompts, evaluatedStyles } from '../../lib/evaluate/protocol.ts';
import type { SubjectClassifier } from '../../lib/evaluate/subject_classifier.ts';

const size = { styles: 3, prompts: 2, size: 48 };
const styles = await evaluatedStyles('held-out parameters', size);
const prompts = evaluatedPrompts(size);

/** Judges one picture of each place by a classifier that gives these names these logits, others 0. */
function judged(
  places: readonly { readonly style: number; readonly prompt: number; readonly seed: number }[],
  logits: readonly Readonly<Record<string, number>>[],
  shown?: (style: number) => number | undefined,
) {
  const score = () =>
    Promise.resolve(
      logits.map((named) => Float32Array.from(subjects, ({ name }) => named[name] ?? 0)),
    );
  const classifier = { score } as unknown as SubjectClassifier;
  return JudgedSplit.of(styles, prompts, { classifier, clip: undefined }).then((split) =>
    split.measure(
      places,
      places.map(({ style }) => styles[style]!.reference),
      shown,
    ),
  );
}

test('what is named of a picture is the subject asked for, or that of its reference', async () => {
  const places = [0, 1, 2].map((style) => ({ style, prompt: 1, seed: 0 }));
  const { subject, leakage, clipText } = await judged(places, [
    { [prompts[1]!.subject]: 2, [styles[0]!.subject]: 1 },
    { [styles[1]!.subject]: 1 },
    { [styles[1]!.subject]: 1 },
  ]);
  expect([subject!.mean, leakage!.mean, clipText]).toEqual([1 / 3, 1 / 3, undefined]);
});

test('a trace of the reference is seen where its subject is not named', async () => {
  const asked = { [prompts[0]!.subject]: 9 };
  const [a, b, c] = styles.map(({ subject }) => subject) as [string, string, string];
  const places = [0, 1, 2].map((style) => ({ style, prompt: 0, seed: 0 }));
  const { leakage, trace } = await judged(places, [
    { ...asked, [a]: 2, [b]: 1 }, // likelier than both others
    { ...asked, [a]: 2, [b]: 1 }, // than one of two, as the next one is
    { ...asked, [a]: 2, [b]: 1, [c]: 1.5 },
  ]);
  expect([leakage!.mean, trace!.mean]).toEqual([0, 2 / 3]);
});

test('leakage is of the reference that was shown, style of the one that a picture stands for', async () => {
  const places = [0, 1, 2].map((style) => ({ style, prompt: 0, seed: 0 }));
  const logits = [1, 2, 1].map((next) => ({ [styles[next]!.subject]: 1 }));
  const next = (style: number) => (style + 1) % 3;
  const shuffled = await judged(places, logits, next);
  expect([shuffled.leakage!.mean, shuffled.trace!.mean]).toEqual([2 / 3, 2 / 3]);
  // The pictures are the references themselves: never another's style, and at no distance at all.
  expect(shuffled.style).toMatchObject({ mean: 1, low: expect.closeTo(0.2924, 4), high: 1 });
  expect(shuffled.palette).toMatchObject({ mean: 0, low: 0, high: 0 });
  const none = await judged(places, logits, () => undefined);
  expect([none.leakage!.mean, none.trace!.mean]).toEqual([0, 0]);
});

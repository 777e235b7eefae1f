import { describe, expect, test } from 'vitest';
import {
  drawStyleOf,
  evaluationSeed,
  heldOutFamilies,
  heldOutPairs,
  isForTraining,
  isHeldOutFamily,
  isHeldOutPair,
  isHeldOutParameters,
  isHeldOutSeed,
  trainingFamilies,
  trainingSeed,
} from '../../../lib/curate/world/held_out.ts';
import { drawStyle } from '../../../lib/curate/world/styles/draw_style.ts';
import { families } from '../../../lib/curate/world/styles/families.ts';
import { subjects } from '../../../lib/curate/world/subjects/subjects.ts';

const seeds = Array.from({ length: 400 }, (_, seed) => seed);

describe('what is held out', () => {
  test('has at least five families, which are families, and leaves at least 24', () => {
    expect(heldOutFamilies.length).toBeGreaterThanOrEqual(5);
    expect(trainingFamilies.length).toBeGreaterThanOrEqual(24);
    const names = families.map(({ name }) => name);
    expect([...heldOutFamilies, ...trainingFamilies].sort()).toEqual([...names].sort());
  });

  test('never comes up in styles of training, with a subject or without', () => {
    for (const seed of seeds) {
      const { name } = subjects[seed % subjects.length]!;
      expect(isForTraining(drawStyleOf('training', seed, name), name)).toBe(true);
      const alone = drawStyleOf('training', seed);
      expect(isHeldOutFamily(alone.family) || isHeldOutParameters(alone.parameters)).toBe(false);
    }
  });

  test('comes up in the styles of evaluation, and nothing else does', () => {
    const found = new Set<string>();
    for (const seed of seeds) {
      const family = drawStyleOf('held-out family', seed);
      expect(isHeldOutFamily(family.family)).toBe(true);
      found.add(family.family);
      const parameters = drawStyleOf('held-out parameters', seed);
      expect(isHeldOutFamily(parameters.family)).toBe(false);
      expect(isHeldOutParameters(parameters.parameters)).toBe(true);
    }
    expect([...found].sort()).toEqual([...heldOutFamilies].sort());
  });

  test('is about a fifth of all parameters', () => {
    const share = seeds.filter((seed) => isHeldOutParameters(drawStyle(seed).parameters)).length;
    // 1 - (1 - 40/360) (1 - 0.1) = 0.2, five deviations.
    expect(Math.abs(share / seeds.length - 0.2)).toBeLessThan(0.1);
  });

  test('is about one pair in 16, of most subjects and most families', () => {
    const pairs = heldOutPairs();
    const all = subjects.length * trainingFamilies.length;
    expect(Math.abs(pairs.length / all - 1 / 16)).toBeLessThan(0.02);
    expect(pairs.every(({ subject, family }) => isHeldOutPair(subject, family))).toBe(true);
    // Training still sees every subject and every family many times.
    for (const { name } of subjects) {
      expect(pairs.filter(({ subject }) => subject === name).length).toBeLessThan(9);
    }
  });

  test('has seeds that training does not use, and none is lost', () => {
    const training = seeds.map(trainingSeed);
    const evaluation = seeds.map(evaluationSeed);
    expect(training.some(isHeldOutSeed)).toBe(false);
    expect(evaluation.every(isHeldOutSeed)).toBe(true);
    const both = [...training, ...evaluation].sort((a, b) => a - b).slice(0, 400);
    expect(both).toEqual(seeds);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readEvaluateConfig } from '../../lib/evaluate/config.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-evaluate-'));
afterAll(() => rmSync(root, { recursive: true }));
const file = join(root, 'evaluate.json');

function read(more: object) {
  const base = { output: 'out', models: { tiny: 'model' }, classifier: { weights: 'judge' } };
  writeFileSync(file, JSON.stringify({ ...base, ...more }));
  return readEvaluateConfig(file);
}

describe('the config of an evaluation', () => {
  test('has 800 pictures a split unless told, and paths beside its file', () => {
    const config = read({ references: ['owl.png'] });
    expect(config.styles * config.prompts * config.seeds).toBe(800);
    expect(config).toMatchObject({
      output: join(root, 'out'),
      models: { tiny: join(root, 'model') },
      references: [join(root, 'owl.png')],
      classifier: { weights: join(root, 'judge'), pictures: 24_000 },
      splits: ['held-out parameters', 'held-out family'],
    });
  });

  test('needs no classifier where it is of pictures from outside alone', () => {
    const alone = { splits: [], classifier: undefined, references: ['owl.png'] };
    const config = read({ ...alone, referencePrompts: ['a fox', 'a house at night'] });
    expect(config.reconstructions).toBe(0);
    expect(config.referencePrompts).toEqual(['a fox', 'a house at night']);
    expect(read({}).reconstructions).toBe(100);
    expect(read({ reconstructions: 0 }).reconstructions).toBe(0);
  });

  test('needs one where there are splits', () => {
    expect(() => read({ classifier: undefined })).toThrow(
      'expected classifier to be an object where there are splits, got nothing',
    );
  });

  test.each([
    [{ colour: 1 }, 'expected the config to be without keys that are not known, got "colour"'],
    [{ models: {} }, 'expected models to be at least one, got {}'],
    [{ models: 'model' }, 'expected models to be an object of folders by name, got "model"'],
    [
      { models: { '../up': 'model' } },
      'expected models.../up to be under a name of letters, digits, spaces and " : . _ + - ", got',
    ],
    [{ splits: ['training'] }, 'expected splits.0 to be one of "held-out parameters", '],
    [
      { styles: 30, prompts: 39, seeds: 0 },
      'expected seeds to be a whole number in [1, 100], got 0',
    ],
    [{ variants: ['full', 'full'] }, 'expected variants to be different ones, got ["full","full"]'],
    [{ variants: [] }, 'expected variants to be at least one, got []'],
    [
      { splits: [] },
      'expected references to be at least one where there are no splits, got nothing',
    ],
    [
      { splits: [], references: ['owl.png'], reconstructions: 2 },
      'expected reconstructions to be 0 where there are no splits, got 2',
    ],
    [
      { references: ['owl.png', './owl.png'] },
      'expected references to be different ones, got ["owl',
    ],
    [{ referencePrompts: 40 }, 'expected referencePrompts to be a whole number in [1, 39], got 40'],
    [
      { referencePrompts: 'a fox' },
      'expected referencePrompts to be a whole number in [1, 39] or a list of prompts, got "a fox"',
    ],
    [{ referencePrompts: [] }, 'expected referencePrompts to be at least one, got []'],
    [{ referencePrompts: ['a fox', ' '] }, 'expected referencePrompts.1 to be a prompt, got " "'],
    [
      { referencePrompts: ['a', 'a'] },
      'expected referencePrompts to be different ones, got ["a","a"]',
    ],
  ])('refuses %j', (more, message) => {
    expect(() => read(more)).toThrow(message);
  });
});

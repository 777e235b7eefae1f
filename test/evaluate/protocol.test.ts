import { describe, expect, test } from 'vitest';
import {
  heldOutFamilies,
  isHeldOutFamily,
  isHeldOutParameters,
  isHeldOutSeed,
} from '../../lib/curate/world/held_out.ts';
import {
  evaluatedPrompts,
  evaluatedStyles,
  placesOf,
  seedOf,
} from '../../lib/evaluate/protocol.ts';

const size = { styles: 10, prompts: 20, size: 16 };

describe('the protocol', () => {
  test('has styles of held-out parameters, and styles of every held-out family', async () => {
    const known = await evaluatedStyles('held-out parameters', size);
    for (const { style } of known) {
      expect(isHeldOutParameters(style.parameters)).toBe(true);
      expect(isHeldOutFamily(style.family)).toBe(false);
    }
    const unknown = await evaluatedStyles('held-out family', size);
    expect(new Set(unknown.map(({ style }) => style.family))).toEqual(new Set(heldOutFamilies));
    expect(unknown.map(({ reference, cutOut }) => [reference.mode, cutOut.mode])).toEqual(
      unknown.map(() => ['RGB', 'RGBA']),
    );
  });

  test('asks for 20 subjects, none of which a reference shows', async () => {
    const prompts = evaluatedPrompts(size);
    const asked = new Set(prompts.map(({ subject }) => subject));
    expect(asked.size).toBe(20);
    for (const { subject, prompt } of prompts) expect(prompt).toContain(subject);
    for (const { subject } of await evaluatedStyles('held-out family', size))
      expect(asked).not.toContain(subject);
  });

  test('has 800 places, each with a held-out seed of its own, those of the first seed first', () => {
    const places = placesOf(10, 20, 4);
    const seeds = places.map(seedOf);
    expect(new Set(seeds).size).toBe(800);
    expect(seeds.every(isHeldOutSeed)).toBe(true);
    expect(places[45]).toEqual({ style: 2, prompt: 5, seed: 0 });
    expect(places.slice(0, 200)).toEqual(placesOf(10, 20, 1));
  });

  test('has a seed of its own for each of 10 styles x 190 prompts', () => {
    expect(new Set(placesOf(10, 190, 2).map(seedOf)).size).toBe(3800);
  });
});

import { describe, expect, test } from 'vitest';
import { subjectOf } from '../../../lib/curate/world/content.ts';
import { isForTraining, isHeldOutSeed } from '../../../lib/curate/world/held_out.ts';
import {
  type SampleKind,
  type WorldSamplesOptions,
  worldSamples,
} from '../../../lib/curate/world/samples.ts';
import { hueWord, styleWords } from '../../../lib/curate/world/style_words.ts';
import { drawStyle } from '../../../lib/curate/world/styles/draw_style.ts';
import { families } from '../../../lib/curate/world/styles/families.ts';
import type { Style } from '../../../lib/curate/world/styles/style.ts';
import { decodePicture } from '../../../lib/image/decode.ts';
import type { TrainingSample } from '../../../lib/shards/training_sample.ts';

async function samplesOf(
  kind: SampleKind,
  options: WorldSamplesOptions,
): Promise<TrainingSample[]> {
  const samples: TrainingSample[] = [];
  for await (const sample of worldSamples(kind, options)) samples.push(sample);
  return samples;
}

describe('samples of the picture world', () => {
  test('are captioned pictures with keys of their own', async () => {
    const samples = await samplesOf('raw', { count: 12, size: 32 });
    expect(new Set(samples.map(({ key }) => key)).size).toBe(12);
    for (const { caption, picture, style } of samples) {
      expect(subjectOf(caption)).toBe((style as { content: { subject: string } }).content.subject);
      expect(await decodePicture(picture!.bytes, { name: 'a sample' })).toMatchObject({
        width: 32,
        height: 32,
        mode: 'RGB',
      });
    }
  });

  test('are the same however many are drawn at once, and in parts', async () => {
    const whole = await samplesOf('stylised', { count: 6, size: 24, ahead: 1 });
    expect(await samplesOf('stylised', { count: 6, size: 24, ahead: 5 })).toEqual(whole);
    expect(await samplesOf('stylised', { count: 4, first: 2, size: 24 })).toEqual(whole.slice(2));
  });

  test('are none that evaluation asks for', async () => {
    for (const { style } of await samplesOf('stylised', { count: 60, size: 16 })) {
      const { content, seed, ...look } = style as Style & {
        readonly content: { readonly subject: string };
        readonly seed: number;
      };
      expect(isForTraining(look, content.subject)).toBe(true);
      expect(isHeldOutSeed(seed)).toBe(false);
    }
  });

  test('name their style in about every other caption', async () => {
    const samples = await samplesOf('stylised', { count: 200, size: 16 });
    const named = samples.filter(({ caption, style }) =>
      caption.includes((style as Style).family),
    ).length;
    expect(named).toBeGreaterThan(70);
    expect(named).toBeLessThan(130);
  });

  test('end with the signal', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(samplesOf('raw', { count: 2, size: 16, signal })).rejects.toThrow('enough');
  });

  test('refuse what is out of range', async () => {
    await expect(samplesOf('raw', { count: 0, size: 16 })).rejects.toThrow(
      'worldSamples: expected count to be a whole number in [1, 2^40], got 0',
    );
    await expect(samplesOf('raw', { count: 1, first: -1, size: 16 })).rejects.toThrow('first');
    await expect(samplesOf('raw', { count: 1, size: 8 })).rejects.toThrow('render: expected size');
  });
});

describe('words for a style', () => {
  test('name every hue, red and blue as what they are', () => {
    expect([29, 264, 142, 110, 0, 359, -331].map(hueWord)).toEqual([
      'red',
      'blue',
      'green',
      'yellow',
      'pink',
      'pink',
      'red',
    ]);
  });

  test('always say the family', () => {
    families.forEach(({ name }, seed) => {
      expect(styleWords(drawStyle(seed, name), seed)).toContain(name);
    });
  });
});

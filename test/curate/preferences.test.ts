import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type CurateConfigOf, readCurateConfig } from '../../lib/curate/config.ts';
import { curatePreferences, type DrawPictures } from '../../lib/curate/preferences.ts';
import { takeLock } from '../../lib/file_lock.ts';
import { decodePicture } from '../../lib/image/decode.ts';
import { Shards } from '../../lib/shards/shards.ts';
import { decodeSample } from '../../lib/shards/training_sample.ts';
import { plain, speckled } from './small_vqgan.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-preferences-'));
afterAll(() => rmSync(root, { recursive: true }));
const configOf = (output: string, change: object = {}): CurateConfigOf<'preferences'> => {
  const file = join(root, `${output}.json`);
  const source = { from: 'styles', styles: 2, prompts: 3 };
  const config = { kind: 'preferences', source, model: 'm', clip: 'c', size: 16, partSize: 2 };
  writeFileSync(file, JSON.stringify({ ...config, seed: 100, output, ...change }));
  return readCurateConfig(file) as CurateConfigOf<'preferences'>;
};

/** Pictures whose only token is their seed. */
const draw: DrawPictures = async (requests) =>
  requests.map(({ seed, count }) =>
    Array.from({ length: count }, (_, i) => ({
      picture: speckled(seed + i),
      tokens: [seed + i],
    })),
  );
const seeds = (pictures: readonly { readonly pixels: Uint8Array }[], first: number) =>
  pictures.map(({ pixels }) => {
    const found = [0, 1, 2, 3].find((i) =>
      speckled(first + i).pixels.every((p, k) => p === pixels[k]),
    );
    return first + found!;
  });
const samplesOf = (output: string) => {
  using shards = Shards.open([join(root, `${output}.index.json`)]);
  return [...shards.range(0, shards.length)].map(decodeSample);
};

describe('preferences', () => {
  test('are the best and the worst of what was drawn, with the reference as the picture', async () => {
    const asked: unknown[] = [];
    let request = 0;
    const parts = {
      ...{ draw, identity: 'by hand' },
      score: async (
        pictures: Parameters<typeof seeds>[0],
        of: { readonly prompt: string; readonly reference: Parameters<typeof plain>[0] },
      ) => {
        asked.push({ prompt: of.prompt, reference: plain(of.reference) });
        // The third is best, the second worst.
        return seeds(pictures, 100 + 4 * request++).map((seed) => [2, 1, 4, 3][seed % 4]!);
      },
    };
    const report = await curatePreferences(configOf('whole'), parts);
    const samples = samplesOf('whole');
    expect(report).toMatchObject({ requests: samples.length, samples: samples.length });
    expect(samples.length).toBeGreaterThan(3);
    for (const [i, sample] of samples.entries()) {
      const first = 100 + 4 * i;
      expect(sample.chosen).toEqual(Int32Array.of(first + 2));
      expect(sample.rejected).toEqual(Int32Array.of(first + 1));
      expect(sample.style).toMatchObject({ scores: [2, 1, 4, 3], best: 2, worst: 1, seed: first });
      const reference = plain(await decodePicture(sample.picture!.bytes));
      expect(asked[i]).toEqual({ prompt: sample.caption, reference });
    }
  });

  test('that are too close, or equal, are left out', async () => {
    let scores = [1, 1, 1, 1];
    const parts = { draw, identity: 'x', score: async () => scores };
    const none = (output: string) =>
      `${join(root, output)}: expected samples to be at least one, got none`;
    await expect(curatePreferences(configOf('equal'), parts)).rejects.toThrow(none('equal'));
    scores = [1, 1.25, 1, 1];
    const config = { minMargin: 0.5 };
    await expect(curatePreferences(configOf('close', config), parts)).rejects.toThrow(
      none('close'),
    );
    scores = [1, 1.5, 1, 1];
    expect((await curatePreferences(configOf('apart', config), parts)).samples).toBeGreaterThan(3);
  });

  test('are the same bytes when the run was stopped within a part', async () => {
    const score = async (pictures: readonly unknown[]) => pictures.map((_, i) => i);
    const parts = { draw, score, identity: 'y' };
    await curatePreferences(configOf('once'), parts);
    let calls = 0;
    const failing = async (pictures: readonly unknown[]) => {
      if (++calls === 4) throw new Error('killed');
      return score(pictures);
    };
    const config = configOf('twice');
    await expect(curatePreferences(config, { ...parts, score: failing })).rejects.toThrow('killed');
    await curatePreferences(config, parts);
    const bytes = (output: string) => readFileSync(join(root, `${output}-00000.tar`));
    expect(bytes('twice').equals(bytes('once'))).toBe(true);
    using lock = takeLock(`${config.output}.lock`, 'it');
    await expect(curatePreferences(config, parts)).rejects.toThrow('to hold the output, got ');
    lock.release();
    await expect(curatePreferences(config, { ...parts, identity: 'z' })).rejects.toThrow(
      'expected parts to be "y", as it was begun with, got "z"',
    );
  });
});

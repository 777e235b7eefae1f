import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClipEmbedder, cosine } from '../../lib/curate/clip_embedder.ts';
import { colourOverlap } from '../../lib/curate/colour_overlap.ts';
import { type CurateConfigOf, readCurateConfig } from '../../lib/curate/config.ts';
import { curate } from '../../lib/curate/curate.ts';
import { subjectOf } from '../../lib/curate/world/content.ts';
import { isHeldOutPair } from '../../lib/curate/world/held_out.ts';
import { worldSamples } from '../../lib/curate/world/samples.ts';
import { parseStyle } from '../../lib/curate/world/world_styliser.ts';
import { decodePicture } from '../../lib/image/decode.ts';
import { writePicture } from '../../lib/image/encode.ts';
import { Shards } from '../../lib/shards/shards.ts';
import { decodeSample } from '../../lib/shards/training_sample.ts';
import { trainingDevice } from '../train/trained.ts';
import { writeSmallClip } from './small_clip.ts';
import {
  plain,
  smallTokenizerConfig,
  speckled,
  writePictures,
  writeSmallVqgan,
} from './small_vqgan.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-pictures-'));
afterAll(() => rmSync(root, { recursive: true }));
const device = await trainingDevice();
beforeAll(async () => {
  await writeSmallVqgan(root, device);
  await writeSmallClip(join(root, 'clip'), device);
});

const configOf = (output: string, change: object): CurateConfigOf<'pictures'> => {
  const file = join(root, `${output}.json`);
  writeFileSync(file, JSON.stringify({ kind: 'pictures', output, size: 16, ...change }));
  return readCurateConfig(file) as CurateConfigOf<'pictures'>;
};
const samplesOf = (output: string) => {
  using shards = Shards.open([join(root, `${output}.index.json`)]);
  return [...shards.range(0, shards.length)].map(decodeSample);
};
const bytesOf = (output: string) =>
  ['-00000.tar', '.scores.jsonl'].map((end) => readFileSync(join(root, output + end), 'latin1'));
const judgedOf = (output: string) =>
  readFileSync(join(root, `${output}.scores.jsonl`), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { key: string; text: number; removed?: string });

describe('the recipe of the paper with the picture world', () => {
  const recipe = {
    source: { from: 'styles', styles: 3, prompts: 5 },
    ...{ clip: 'clip', partSize: 4, keepWork: true, tokens: smallTokenizerConfig },
  };

  test('makes captioned pictures with tokens, and nothing is left of the references', async () => {
    const report = await curate(configOf('whole', recipe), device);
    const samples = samplesOf('whole');
    expect(report).toMatchObject({ candidates: samples.length, samples: samples.length });
    expect(samples.length).toBeGreaterThan(10);
    for (const { caption, tokens, style, picture } of samples) {
      const known = style as { style: unknown; styliser: string };
      expect(known.styliser).toBe('picture world');
      expect(isHeldOutPair(subjectOf(caption), parseStyle(known.style).family)).toBe(false);
      expect(tokens).toHaveLength(4 + 8 * 9);
      expect(await decodePicture(picture!.bytes)).toMatchObject({ width: 16, height: 16 });
    }
    using shards = Shards.open([join(root, 'whole.index.json')]);
    const names = [...shards.range(0, shards.length)].map(({ files }) => [...files.keys()]);
    for (const name of names) expect(name).toEqual(['txt', 'png', 'json', 'ids']);
  });

  test('scores every picture by caption, reference and the subject of the reference', async () => {
    using shards = Shards.open([join(root, 'whole.work', 'pictures', 'part-00000.index.json')]);
    using clip = ClipEmbedder.open(join(root, 'clip'), device);
    for (const [i, { files }] of [...shards.range(0, shards.length)].entries()) {
      const read = (name: string) => decodePicture(files.get(name)!);
      const [picture, reference] = [await read('png'), await read('reference.png')];
      const words = ['txt', 'reference.txt'].map((name) => `${Buffer.from(files.get(name)!)}`);
      const [p, r] = await clip.pictures([picture, reference]);
      const [caption, subject] = await clip.texts(words);
      expect(picture.pixels).not.toEqual(reference.pixels);
      const found = judgedOf('whole')[i]!;
      expect(found).toMatchObject({ colours: colourOverlap(picture, reference) });
      const expected = {
        text: cosine(p!, caption!),
        style: cosine(p!, r!),
        leakage: cosine(p!, subject!) - cosine(p!, caption!),
      };
      for (const [name, value] of Object.entries(expected))
        expect(found[name as 'text'], name).toBeCloseTo(value, 5);
      expect(cosine(p!, p!)).toBeCloseTo(1, 5);
    }
  });

  test('leaves the bytes of one run when it was stopped in every stage and part', async () => {
    const config = configOf('parts', { ...recipe, keepWork: false });
    const seen = new Set<string>();
    for (let runs = 0; !existsSync(join(root, 'parts.index.json')); runs++) {
      expect(runs).toBeLessThan(20);
      const controller = new AbortController();
      const onProgress = (stage: string, done: number) => {
        if (seen.has(`${stage} ${done}`)) return;
        seen.add(`${stage} ${done}`);
        controller.abort();
      };
      await curate(config, device, { signal: controller.signal, onProgress }).catch((error) => {
        expect(error.name).toBe('AbortError');
      });
    }
    expect(seen.size).toBeGreaterThan(9);
    expect(bytesOf('parts')).toEqual(bytesOf('whole'));
    expect(existsSync(join(root, 'parts.work'))).toBe(false);
  });

  test('draws nothing again for other thresholds', async () => {
    const texts = judgedOf('whole').map(({ text }) => text);
    const minText = [...texts].sort((a, b) => a - b)[5]!;
    rmSync(join(root, 'whole.index.json'));
    const pictures = join(root, 'whole.work', 'pictures', 'part-00000-00000.tar');
    const written = statSync(pictures).ino;
    const config = configOf('whole', { ...recipe, keep: { minText } });
    const report = await curate(config, device);
    expect(statSync(pictures).ino).toBe(written);
    expect(report).toMatchObject({ removed: { text: 5 }, samples: texts.length - 5 });
    const left = judgedOf('whole').filter(({ removed }) => removed === undefined);
    expect(samplesOf('whole').map(({ key }) => key)).toEqual(left.map(({ key }) => key));
    expect(left.every(({ text }) => text >= minText)).toBe(true);
    const other = configOf('whole', { ...recipe, size: 32 });
    rmSync(join(root, 'whole.index.json'));
    await expect(curate(other, device)).rejects.toThrow(
      `${join(root, 'whole.work', 'pictures')}: expected size to be 16, as it was begun with, got 32`,
    );
  });
});

describe('curate of pictures', () => {
  test('takes the captioned pictures of a folder, and tells of those that it cannot read', async () => {
    const folder = join(root, 'raw');
    mkdirSync(folder);
    await writePicture(join(folder, 'wide.png'), speckled(1, 40, 20));
    writeFileSync(join(folder, 'wide.txt'), ' a wide one\n');
    await writePicture(join(folder, 'bare.jpg'), speckled(2, 20, 20));
    writeFileSync(join(folder, 'odd.webp'), 'not a picture');
    writeFileSync(join(folder, 'odd.txt'), 'odd');
    const report = await curate(configOf('f', { source: { from: 'folder', folder } }), device);
    expect(report).toMatchObject({ candidates: 3, samples: 1, removed: { unreadable: 2 } });
    expect(report.faults).toEqual([
      `${join(folder, 'bare.txt')}: expected the file to be readable, got ENOENT: no such file or ` +
        `directory, open '${join(folder, 'bare.txt')}'`,
      expect.stringContaining(`${join(folder, 'odd.webp')}: expected`),
    ]);
    const [sample] = samplesOf('f');
    expect(sample).toMatchObject({ caption: 'a wide one', style: { file: 'wide.png' } });
    expect(sample!.tokens).toBeUndefined();
    expect(await decodePicture(sample!.picture!.bytes)).toMatchObject({ width: 16, height: 16 });
  });

  test('goes on with a folder that was moved, and not with other captions in it', async () => {
    const config = (folder: string) => configOf('m', { source: { from: 'folder', folder } });
    renameSync(join(root, 'raw'), join(root, 'moved'));
    const report = await curate(
      configOf('f', { source: { from: 'folder', folder: 'moved' } }),
      device,
    );
    expect(report).toMatchObject({ candidates: 3, samples: 1 });
    await curate(config('moved'), device);
    writeFileSync(join(root, 'moved', 'wide.txt'), ' a wild one\n');
    await expect(curate(config('moved'), device)).rejects.toThrow(
      /expected source\.content to be "\w{16}", as it was begun with, got "\w{16}"\. Remove it/,
    );
  });

  test('takes samples of shards, and of near duplicates the first', async () => {
    const pictures = [1, 2, 1, 3].map((seed) => speckled(seed, 16, 16));
    await writePictures(join(root, 'shards'), pictures);
    const source = { from: 'shards', shards: ['shards.index.json'] };
    const report = await curate(configOf('s', { source, keep: { duplicateBits: 4 } }), device);
    expect(report).toMatchObject({ removed: { duplicate: 1 }, samples: 3 });
    const kept = samplesOf('s');
    expect(kept.map(({ caption }) => caption)).toEqual(['number 0', 'number 1', 'number 3']);
    // What has the size already keeps its pixels.
    expect(plain(await decodePicture(kept[2]!.picture!.bytes))).toEqual(plain(pictures[3]!));
  });

  test('takes drawings of the picture world', async () => {
    const source = { from: 'world', pictures: 'raw', count: 3, first: 2 };
    await curate(configOf('w', { source }), device);
    const drawn = [];
    for await (const sample of worldSamples('raw', { count: 3, first: 2, size: 16 }))
      drawn.push(sample);
    expect(samplesOf('w').map(({ caption }) => caption)).toEqual(drawn.map((one) => one.caption));
    for (const [i, { picture }] of samplesOf('w').entries())
      expect(await decodePicture(picture!.bytes)).toEqual(
        await decodePicture(drawn[i]!.picture!.bytes),
      );
  });

  test('with nothing that may stay is refused, and its scores can be looked at', async () => {
    const source = { from: 'world', pictures: 'raw', count: 3 };
    const config = configOf('n', { source, clip: 'clip', keep: { minText: 1 } });
    await expect(curate(config, device)).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message:
        `${join(root, 'n.scores.jsonl')}: expected candidates that are kept to be at least one, ` +
        'got none of 3, text 3. Ask for less: what was made and scored stays, and is not made again.',
    });
    expect(judgedOf('n').map(({ removed }) => removed)).toEqual(['text', 'text', 'text']);
    const less = configOf('n', { source, clip: 'clip', keep: { minText: -1 } });
    expect(await curate(less, device)).toMatchObject({ samples: 3 });
  });

  test('finds what is wrong with its networks before a picture is made', async () => {
    cpSync(join(root, 'clip'), join(root, 'wordless'), { recursive: true });
    rmSync(join(root, 'wordless', 'tokenizer.json'));
    const source = { from: 'world', pictures: 'raw', count: 3 };
    const made: unknown[] = [];
    const refused = async (change: object, message: string) => {
      const config = configOf('early', { source, ...change });
      const onProgress = () => made.push(change);
      await expect(curate(config, device, { onProgress })).rejects.toMatchObject({
        code: 'ERR_INPUT',
        message: expect.stringContaining(message),
      });
    };
    const tokens = (change: object) => ({ tokens: { ...smallTokenizerConfig, ...change } });
    const unreadable = 'nowhere: expected the file to be readable, got ENOENT';
    await refused({ clip: 'nowhere' }, unreadable);
    await refused(
      { clip: 'wordless' },
      `${join(root, 'wordless')}: expected the folder to have tokenizer.json, or vocab.json and ` +
        'merges.txt, got neither',
    );
    await refused(tokens({ vqgan: 'nowhere' }), unreadable);
    await refused(tokens({ tokenizer: 'nowhere' }), unreadable);
    await refused(tokens({ tokenizer: 'vqgan/vqgan.yaml' }), 'vqgan.yaml: expected');
    const grid =
      'size: expected it to be a multiple of 4 up to 32 pixels, got 17, as the layout says';
    await refused({ ...tokens({}), size: 17 }, grid);
    expect(made).toEqual([]);
  });

  test('refuses a file of prompts that is not there, says nothing or is not UTF-8', async () => {
    const source = { from: 'styles', styles: 1, prompts: 'prompts.txt' };
    const file = join(root, 'prompts.txt');
    const refused = () => curate(configOf('p', { source }), device);
    await expect(refused()).rejects.toThrow(
      `${file}: expected the file to be readable, got ENOENT`,
    );
    writeFileSync(file, ' \n');
    await expect(refused()).rejects.toThrow(`${file}: expected it to be a text, got nothing`);
    writeFileSync(file, Buffer.of(0x61, 0xff));
    await expect(refused()).rejects.toThrow(`${file}: expected it to be UTF-8, got other bytes`);
  });

  test('refuses a folder without pictures', async () => {
    mkdirSync(join(root, 'empty'));
    const config = configOf('e', { source: { from: 'folder', folder: 'empty' } });
    await expect(curate(config, device)).rejects.toThrow(
      `${join(root, 'empty')}: expected the folder to have pictures, got none. Put KEY.png and ` +
        'KEY.txt there.',
    );
  });
});

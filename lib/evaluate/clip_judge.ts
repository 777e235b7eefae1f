import { join } from 'node:path';
import { clipPixels } from '../image/clip_pixels.ts';
import { readClipPreprocessing } from '../image/clip_preprocessing.ts';
import type { Picture } from '../image/picture.ts';
import { clipTexts } from '../models/clip_texts.ts';
import { openClip } from '../models/open_clip.ts';
import { l2Normalise } from '../ops/l2_normalise.ts';
import type { Device } from '../tensor/device.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ClipTokenizer } from '../text/clip_tokenizer.ts';

/** Vectors of length 1: their products are cosines. */
export interface ClipJudge extends Disposable {
  /** `[projection]` for each. */
  images(pictures: readonly Picture[]): Promise<Float32Array[]>;
  /** `[projection]` for each. */
  texts(texts: readonly string[]): Promise<Float32Array[]>;
}

/** Pictures or texts that go through CLIP at once. */
const batch = 32;

/** @param folder  of both towers, with their tokenizer and `preprocessor_config.json` */
export function openClipJudge(folder: string, device: Device): ClipJudge {
  const preprocessing = readClipPreprocessing(join(folder, 'preprocessor_config.json'));
  const tokenizer = ClipTokenizer.open(folder);
  const opened = openClip(folder, device);
  const { clip } = opened;
  const { height, width } = preprocessing.crop;
  const images = (pictures: readonly Picture[]) =>
    clip.embedImages(
      device.from(clipPixels(pictures, preprocessing), [pictures.length, height, width, 3]),
    );
  const texts = (texts: readonly string[]) => {
    const encoded = texts.map((text) => [...tokenizer.encode(text, clip.text.config.positions)]);
    const upToEnd = encoded.map((ids) => ids.slice(0, ids.indexOf(tokenizer.end) + 1));
    const { ids, ends, tokens } = clipTexts(upToEnd, { eosId: clip.text.config.eosId });
    return clip.embedTexts(device.from(ids, [texts.length, tokens]), device.from(ends));
  };
  return {
    images: (pictures) => inBatches(pictures, images),
    texts: (all) => inBatches(all, texts),
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}

async function inBatches<Item>(
  items: readonly Item[],
  embed: (part: readonly Item[]) => Tensor,
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (let at = 0; at < items.length; at += batch) {
    const rows = scope(() => l2Normalise(embed(items.slice(at, at + batch))));
    const values = (await rows.read()) as Float32Array;
    const [count, dim] = rows.shape as [number, number];
    rows.dispose();
    for (let i = 0; i < count; i++) vectors.push(values.slice(i * dim, (i + 1) * dim));
  }
  return vectors;
}

/** Of vectors of length 1. */
export const cosine = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);

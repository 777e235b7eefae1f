import { join } from 'node:path';
import { clipPixels } from '../image/clip_pixels.ts';
import { type ClipPreprocessing, readClipPreprocessing } from '../image/clip_preprocessing.ts';
import type { Picture } from '../image/picture.ts';
import { clipTexts } from '../models/clip_texts.ts';
import { type OpenedClip, openClip } from '../models/open_clip.ts';
import { l2Normalise } from '../ops/l2_normalise.ts';
import type { Device } from '../tensor/device.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ClipTokenizer } from '../text/clip_tokenizer.ts';

/** Pictures and texts as vectors of length 1, whose products are the cosines of CLIP. */
export class ClipEmbedder implements Disposable {
  private readonly opened: OpenedClip;
  private readonly tokenizer: ClipTokenizer;
  private readonly preprocessing: ClipPreprocessing;
  private readonly device: Device;

  private constructor(
    opened: OpenedClip,
    tokenizer: ClipTokenizer,
    preprocessing: ClipPreprocessing,
    device: Device,
  ) {
    this.opened = opened;
    this.tokenizer = tokenizer;
    this.preprocessing = preprocessing;
    this.device = device;
  }

  /**
   * Throws `ERR_WEIGHTS` or `ERR_INPUT` when a file is not what it must be.
   *
   * @param folder  has both towers, `preprocessor_config.json` and the tokenizer
   */
  static open(folder: string, device: Device): ClipEmbedder {
    const tokenizer = ClipTokenizer.open(folder);
    const preprocessing = readClipPreprocessing(join(folder, 'preprocessor_config.json'));
    return new ClipEmbedder(openClip(folder, device), tokenizer, preprocessing, device);
  }

  /** @param pictures  of any sizes */
  async pictures(pictures: readonly Picture[]): Promise<Float32Array[]> {
    if (pictures.length === 0) return [];
    const { height, width } = this.preprocessing.crop;
    const pixels = clipPixels(pictures, this.preprocessing);
    return await rowsOf(() =>
      this.opened.clip.embedImages(this.device.from(pixels, [pictures.length, height, width, 3])),
    );
  }

  async texts(texts: readonly string[]): Promise<Float32Array[]> {
    if (texts.length === 0) return [];
    const { clip } = this.opened;
    const { positions, eosId } = clip.text.config;
    const { end } = this.tokenizer;
    const sequences = texts.map((text) => {
      const ids = [...this.tokenizer.encode(text, positions)];
      return ids.slice(0, ids.indexOf(end) + 1);
    });
    const { ids, ends, tokens } = clipTexts(sequences, { eosId });
    return await rowsOf(() =>
      clip.embedTexts(this.device.from(ids, [texts.length, tokens]), this.device.from(ends)),
    );
  }

  [Symbol.dispose](): void {
    this.opened[Symbol.dispose]();
  }
}

/** Of two vectors of length 1, in [-1, 1]. */
export const cosine = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** @param embed  to `[rows, width]` */
async function rowsOf(embed: () => Tensor): Promise<Float32Array[]> {
  const embedded = scope(() => l2Normalise(embed()));
  const [rows, width] = embedded.shape as [number, number];
  const values = (await embedded.read()) as Float32Array;
  embedded.dispose();
  return Array.from({ length: rows }, (_, i) => values.slice(i * width, (i + 1) * width));
}

import { StylearError } from '../error.ts';
import type { Picture } from '../image/picture.ts';
import { vqganPixels } from '../image/vqgan_pixels.ts';
import { type OpenedVqgan, openVqgan } from '../models/open_vqgan.ts';
import { vqganFiles } from '../models/required_parts.ts';
import type { Device } from '../tensor/device.ts';
import { scope } from '../tensor/scope.ts';
import { gridOfPixels, imageTokens } from '../text/image_tokens.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import { chameleonLayout, type Vocabulary, vocabularyOf } from '../text/vocabulary.ts';
import { contentOfFiles } from '../weights/fingerprint.ts';
import type { TokenizerConfig } from './config.ts';

/** What of a config says which tokens pictures become, with what is in files in the place of their paths. */
export function tokenizerIdentity({
  vqgan,
  vqganConfig,
  tokenizer,
  layout,
  batchSize,
}: TokenizerConfig): object {
  const { checkpoint, config } =
    vqganConfig === undefined ? vqganFiles(vqgan) : { checkpoint: vqgan, config: vqganConfig };
  return {
    vqgan: contentOfFiles([checkpoint]),
    vqganConfig: contentOfFiles([config]),
    tokenizer: contentOfFiles([tokenizer]),
    ...{ layout, batchSize },
  };
}

/** Pictures as the tokens that a transformer learns: a VQGAN and the vocabulary of its codes. */
export class PictureTokenizer implements Disposable {
  private readonly opened: OpenedVqgan;
  private readonly vocabulary: Vocabulary;
  private readonly device: Device;

  private constructor(opened: OpenedVqgan, vocabulary: Vocabulary, device: Device) {
    this.opened = opened;
    this.vocabulary = vocabulary;
    this.device = device;
  }

  /**
   * Throws `ERR_WEIGHTS` or `ERR_INPUT` when a file is not what it must be, or the layout is not that
   * of the VQGAN.
   */
  static open(
    { vqgan: path, vqganConfig, tokenizer, layout }: TokenizerConfig,
    device: Device,
  ): PictureTokenizer {
    const { codes, ...others } = layout;
    const family = { ...chameleonLayout, ...others, codes: { count: codes } };
    const vocabulary = vocabularyOf(Tokenizer.open(tokenizer).ids, family);
    const opened = openVqgan(path, device, { config: vqganConfig });
    const { vqgan } = opened;
    const pixels = layout.unitPixels / layout.codesPerUnit;
    if (vqgan.config.codes === codes && vqgan.downsampling === pixels)
      return new PictureTokenizer(opened, vocabulary, device);
    opened[Symbol.dispose]();
    throw new StylearError(
      'ERR_INPUT',
      `${path}: expected the VQGAN to be one of ${codes} codes of ${pixels} pixels, as the layout ` +
        `says, got ${vqgan.config.codes} of ${vqgan.downsampling}`,
    );
  }

  /** Throws `ERR_INPUT` when pictures of this many pixels a side are none of whole grid units. */
  requireSide(side: number): void {
    try {
      gridOfPixels(this.vocabulary, { width: side, height: side });
    } catch (cause) {
      const { message } = cause as StylearError;
      const expected = message.replace(/^.*expected \w+ to be/, 'size: expected it to be');
      throw new StylearError('ERR_INPUT', `${expected}, as the layout says`, { cause });
    }
  }

  /**
   * The tokens of each picture: start, height, width, rows of codes that end in a new line, end.
   *
   * @param pictures  of one size, at least one
   * @throws `ERR_VALUE` when the size is not one of whole grid units
   */
  async encode(pictures: readonly Picture[]): Promise<Int32Array[]> {
    const [{ width, height }] = pictures as readonly [Picture];
    const grid = gridOfPixels(this.vocabulary, { width, height });
    const area = width * height * 3;
    const pixels = new Float32Array(pictures.length * area);
    for (const [i, picture] of pictures.entries()) pixels.set(vqganPixels(picture), i * area);
    const tensor = scope(() =>
      this.opened.vqgan.encode(this.device.from(pixels, [pictures.length, height, width, 3])),
    );
    const codes = (await tensor.read()) as Int32Array;
    tensor.dispose();
    const count = codes.length / pictures.length;
    return pictures.map((_, i) =>
      Int32Array.from(
        imageTokens(this.vocabulary, grid, codes.subarray(i * count, (i + 1) * count)),
      ),
    );
  }

  [Symbol.dispose](): void {
    this.opened[Symbol.dispose]();
  }
}

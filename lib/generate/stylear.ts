import { join } from 'node:path';
import { StylearError } from '../error.ts';
import { readClipPreprocessing } from '../image/clip_preprocessing.ts';
import { cropSizes } from '../image/crop_sizes.ts';
import type { ChameleonShape } from '../models/chameleon.ts';
import { readChameleonConfig } from '../models/config/chameleon.ts';
import {
  readStyleARConfig,
  type StyleARConfig,
  type StyleARDefaults,
  type StyleARFiles,
} from '../models/config/stylear.ts';
import { embeddedModel } from '../models/embedded_model.ts';
import { estimateMemory, type MemoryEstimate } from '../models/estimate.ts';
import { openStyleARModel } from '../models/stylear_model.ts';
import type { Device } from '../tensor/device.ts';
import { openDevice } from '../tensor/open_device.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import { readTokenizerFile } from '../text/tokenizer_file.ts';
import {
  chameleonLayout,
  chameleonLayoutOf,
  lumina2Layout,
  type VocabularyLayout,
  vocabularyOf,
} from '../text/vocabulary.ts';
import { fingerprint } from '../weights/fingerprint.ts';
import { WeightSource } from '../weights/weight_source.ts';
import { type GenerateEvent, type GenerateOptions, generate } from './generate.ts';
import type { GeneratedImage } from './generated_image.ts';
import {
  checkEstimateOptions,
  checkLoadOptions,
  type EstimateMemoryOptions,
  type LoadOptions,
} from './load_options.ts';
import { encodeStyle, type Preparation } from './prepare.ts';
import type { GenerateRequest, Style } from './request.ts';
import type { Requests } from './request_queue.ts';
import { StyleHandle } from './style_handle.ts';
import { pageTokens, TokenEngine } from './token_engine.ts';

/** A whole StyleAR: pictures in the style of pictures. */
export class StyleAR {
  readonly device: Device;
  readonly config: StyleARConfig;
  /** What requests are prepared with. @internal */
  readonly preparation: Preparation;
  /** What draws tokens. @internal */
  readonly engine: TokenEngine;
  /** Names the weights: the same for the same files. */
  readonly hash: string;
  private readonly ownsDevice: boolean;

  private constructor(
    config: StyleARConfig,
    preparation: Preparation,
    engine: TokenEngine,
    ownsDevice: boolean,
  ) {
    this.device = preparation.model.device;
    this.config = config;
    this.preparation = preparation;
    this.engine = engine;
    this.hash = fingerprintOf(Object.values(config.files));
    this.ownsDevice = ownsDevice;
  }

  /**
   * Opens a model. On the CPU weights are used where they lie in their files.
   *
   * Rejects with `ERR_WEIGHTS` or `ERR_INPUT` naming the file and what is wrong with it, or the option
   * that is out of its range.
   *
   * @param from  a folder with a `stylear.json`, or the paths of the parts as they were downloaded;
   *              the model that is embedded in the package unless told
   */
  static async load(
    from: string | StyleARFiles = embeddedModel(),
    options: LoadOptions = {},
  ): Promise<StyleAR> {
    checkLoadOptions(options);
    const config = readStyleARConfig(from);
    const given = options.device;
    const ownsDevice = typeof given !== 'object';
    const device = ownsDevice ? await openDevice(given, { threads: options.threads }) : given;
    try {
      const { files, defaults } = config;
      const { vocabulary: maxTokens } = readChameleonConfig(files.transformer);
      const tokenizer = new Tokenizer(readTokenizerFile(files.tokenizer, { maxTokens }));
      const preprocessing = readClipPreprocessing(join(files.clip, 'preprocessor_config.json'));
      const model = openStyleARModel(config, device);
      try {
        const { chameleon } = model;
        const { vocabulary: size } = chameleon.shape;
        const vocabulary = vocabularyOf(tokenizer.ids, layoutOf(defaults.layout), size);
        const dtype = options.dtype ?? storedDtype(files.transformer);
        const { maxPositions } = model.chameleonConfig;
        const maxTokens = maxPositions + largestImage(defaults);
        const encoder = fingerprintOf([files.clip, files.resampler, files.resamplerConfig]);
        const parts = { model, tokenizer, vocabulary, preprocessing, defaults, encoder };
        const preparation = { ...parts, dtype, maxTokens };
        const cacheTokens = cacheTokensFor(config, chameleon.shape, maxPositions, dtype, options);
        const engine = new TokenEngine(chameleon, vocabulary, {
          dtype,
          cacheTokens,
          maxTokens,
          recorded: options.recorded,
        });
        return new StyleAR(config, preparation, engine, ownsDevice);
      } catch (error) {
        model[Symbol.dispose]();
        throw error;
      }
    } catch (error) {
      if (ownsDevice) await device.close();
      throw error;
    }
  }

  /**
   * What `load` and drawing would take in memory, from the headers of the files.
   *
   * @param from  as `load` takes it
   */
  static estimate(
    from: string | StyleARFiles = embeddedModel(),
    options: EstimateMemoryOptions = {},
  ): MemoryEstimate {
    checkEstimateOptions(options);
    const { cacheBytes, ...others } = options;
    const config = readStyleARConfig(from);
    const shape = readChameleonConfig(config.files.transformer);
    const dtype = options.dtype ?? storedDtype(config.files.transformer);
    const cacheTokens = cacheTokensFor(config, shape, shape.maxPositions, dtype, { cacheBytes });
    return estimateMemory(config, { ...others, dtype, cacheTokens });
  }

  /**
   * Draws pictures, many at a time; see {@link GenerateEvent}. What a picture looks like depends on its
   * request and its seed alone, bit for bit on the same kind of device.
   *
   * Pictures in the making take room from those of other calls. Whoever does not take all events, as
   * `for await` does, calls `return()`, as a `break` in it does.
   *
   * @throws `ERR_INPUT` naming the option that is out of its range, `ERR_DISPOSED` when the model is
   *         closed; where failures are to be thrown, what became of the request
   */
  generate(requests: Requests, options: GenerateOptions = {}): AsyncGenerator<GenerateEvent> {
    return generate(this, requests, options);
  }

  /**
   * Draws one picture.
   *
   * Rejects with `ERR_INPUT` naming the option that is out of its range or the picture that cannot be
   * read, `ERR_OUT_OF_MEMORY` or `ERR_VALUE` when there can never be room for it, `ERR_DISPOSED` when
   * the model is closed, or with the reason of a signal that aborts.
   */
  async draw(
    request: Omit<GenerateRequest, 'count'>,
    options: Omit<GenerateOptions, 'onError'> = {},
  ): Promise<GeneratedImage> {
    // What is no object is refused as it is.
    const isObject = Object(options) === options;
    const thrown: GenerateOptions = isObject ? { ...options, onError: 'throw' } : options;
    for await (const event of this.generate({ ...request, count: 1 }, thrown))
      if (event.type === 'image') return event.image;
    throw new Error('unreachable: a request without a picture throws');
  }

  /**
   * Encodes a style once for any number of requests.
   *
   * Rejects with `ERR_INPUT` when it is none, a picture cannot be read or a file is another model's, and
   * with `ERR_WEIGHTS` when a file is not a style that was saved.
   */
  encodeStyle(style: Style): Promise<StyleHandle> {
    return style instanceof StyleHandle
      ? Promise.resolve(style)
      : encodeStyle(this.preparation, style);
  }

  /**
   * Frees everything; closes the device where `load` opened it. Pictures that wait or are being drawn
   * are rejected with `ERR_DISPOSED`.
   */
  async close(): Promise<void> {
    this.engine.dispose();
    this.preparation.model[Symbol.dispose]();
    if (this.ownsDevice) await this.device.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const fingerprintOf = (files: readonly (string | undefined)[]): string =>
  fingerprint(files.filter((path) => path !== undefined));

const layoutOf = (layout: StyleARDefaults['layout']): VocabularyLayout =>
  typeof layout === 'object'
    ? chameleonLayoutOf(layout)
    : { chameleon: chameleonLayout, lumina2: lumina2Layout }[layout];

/** The most tokens of a picture of the model's own sizes. */
function largestImage({ targetSize, layout }: StyleARDefaults): number {
  const { unitPixels, codesPerUnit } = layoutOf(layout);
  const side = (pixels: number) => (pixels / unitPixels) * codesPerUnit;
  const sizes = cropSizes(targetSize, { unit: unitPixels });
  return Math.max(...sizes.map(({ width, height }) => side(height) * (side(width) + 1) + 4));
}

/** The most pictures at once, and bytes, that there is room for where nobody says; one always has. */
const defaultPictures = 4;
const defaultBytes = 4 * 2 ** 30;

type CacheShape = Pick<ChameleonShape, 'layers' | 'kvHeads' | 'headDim'>;

function cacheTokensFor(
  { defaults }: StyleARConfig,
  shape: CacheShape,
  maxPositions: number,
  dtype: 'f32' | 'bf16',
  { cacheBytes }: Pick<LoadOptions, 'cacheBytes'>,
): number {
  if (cacheBytes !== undefined) return tokensIn(cacheBytes, bytesPerToken(shape, dtype));
  // A prompt, and the picture with the condition and without.
  const picture = maxPositions + 2 * largestImage(defaults);
  const pictures = Math.floor(defaultBytes / (picture * bytesPerToken(shape, dtype)));
  return picture * Math.min(Math.max(pictures, 1), defaultPictures);
}

/** Whole pages of a cache that takes no more than `bytes`; of pictures it is known later which fit. */
function tokensIn(bytes: number, tokenBytes: number): number {
  const pages = Math.floor(bytes / (pageTokens * tokenBytes));
  if (pages >= 1) return pages * pageTokens;
  throw new StylearError(
    'ERR_INPUT',
    `load: expected cacheBytes to be at least ${pageTokens * tokenBytes}, a page, got ${bytes}`,
  );
}

function bytesPerToken({ layers, kvHeads, headDim }: CacheShape, dtype: 'f32' | 'bf16'): number {
  return 2 * layers * kvHeads * headDim * (dtype === 'bf16' ? 2 : 4);
}

/** The dtype that a transformer's embeddings are stored in, as activations have it. */
function storedDtype(transformer: string): 'f32' | 'bf16' {
  const source = new WeightSource(transformer);
  try {
    return source.get('model.embed_tokens.weight')?.stored.dtype === 'BF16' ? 'bf16' : 'f32';
  } finally {
    source.close();
  }
}

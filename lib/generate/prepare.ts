// From what a user asks for to what the token engine is given.
import { StylearError } from '../error.ts';
import { onBackground } from '../image/background.ts';
import { checkPicture } from '../image/check_picture.ts';
import { clipPixels } from '../image/clip_pixels.ts';
import type { ClipPreprocessing } from '../image/clip_preprocessing.ts';
import { bestCropSize, cropSizes } from '../image/crop_sizes.ts';
import { decodePicture } from '../image/decode.ts';
import {
  type CropOffset,
  type CropPlan,
  drawCropOffset,
  fitCrop,
  planCrop,
} from '../image/fit_crop.ts';
import { upright } from '../image/orientation.ts';
import type { Picture } from '../image/picture.ts';
import { vqganPixels } from '../image/vqgan_pixels.ts';
import type { StyleARDefaults } from '../models/config/stylear.ts';
import { addStyleNoise, mixStyles } from '../models/style_tokens.ts';
import type { StyleARModel } from '../models/stylear_model.ts';
import { add, scale } from '../ops/add.ts';
import { cast } from '../ops/cast.ts';
import { reshape } from '../ops/reshape.ts';
import { halvesOf } from '../philox.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Grid, gridOfPixels, imageTokenCount, imageTokens } from '../text/image_tokens.ts';
import { type Prompt, promptOf } from '../text/prompt.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import {
  checkStyle,
  type GenerateRequest,
  isPicture,
  isStyleFile,
  type PictureSource,
  referencesOf,
  type Style,
  type StyleReference,
} from './request.ts';
import type { StyleRows } from './stream.ts';
import { StyleHandle } from './style_handle.ts';
import type { TokenRequest } from './token_engine.ts';

/** What requests are prepared with. */
export interface Preparation {
  readonly model: StyleARModel;
  readonly tokenizer: Tokenizer;
  readonly vocabulary: Vocabulary;
  readonly preprocessing: ClipPreprocessing;
  readonly defaults: StyleARDefaults;
  /** Names CLIP and resampler: styles that others encoded mean something else. */
  readonly encoder: string;
  /** Of the transformer's activations. */
  readonly dtype: 'f32' | 'bf16';
  /** Tokens that a prompt and its picture can have together. */
  readonly maxTokens: number;
}

/** A request of which the pictures are read and the words are ids; one for all of its pictures. */
export interface PreparedRequest {
  /** The prompt of one picture: its seed says where a condition that does not fit is cropped. */
  promptOf(seed: number): Promise<Prompt>;
  readonly style: StyleHandle | undefined;
  readonly sizes: readonly Grid[];
  /** Everything that a picture was drawn with, with defaults filled in. */
  readonly settings: {
    readonly guidance: number;
    readonly imageTopK: number;
    readonly topP: number;
    readonly minP: number;
    readonly temperature: number;
    readonly noiseStrength: number;
    readonly styleStrength: number;
  };
}

/** Top-k of tokens that are no picture's: what the reference draws with. */
const textTopK = 10;

/** Encodes a style: its references' style tokens, mixed by weight. */
export async function encodeStyle(
  preparation: Preparation,
  style: Exclude<Style, StyleHandle>,
): Promise<StyleHandle> {
  checkStyle(style, 'encodeStyle');
  const references = referencesOf(style);
  const weights = references.map(({ weight = 1 }) => weight);
  const sum = weights.reduce((a, b) => a + b, 0);
  if (!(sum > 0 && Number.isFinite(sum)))
    throw wrong('weight', 'numbers from 0 that are not all 0', weights.join(', '));
  const opened = await Promise.all(
    references.map((reference) => openReference(preparation, reference)),
  );
  const mixed = scope(() =>
    mixStyles(
      opened.map((encode) => encode()),
      weights.map((weight) => weight / sum),
    ),
  );
  const [, count, dim] = mixed.shape as [number, number, number];
  const values = (await mixed.read()) as Float32Array;
  mixed.dispose();
  return new StyleHandle(values, count, dim, preparation.encoder);
}

/** Reads a reference. @returns  what makes style tokens of it, `[1, count, dim]`, f32 */
async function openReference(
  preparation: Preparation,
  { picture, subject }: StyleReference,
): Promise<() => Tensor> {
  const { model, preprocessing, defaults } = preparation;
  if (isStyleFile(picture)) {
    if (subject !== undefined)
      throw wrong(
        'subject',
        'that of a picture',
        `one beside ${picture}, which is encoded already`,
      );
    const handle = await StyleHandle.load(picture, model.device);
    requireOwn(preparation, handle);
    const { values, count, dim } = handle;
    return () => model.device.from(values, [1, count, dim]);
  }
  const whole = await open(picture);
  const cut = subject === undefined ? undefined : onBackground(await open(subject));
  return () =>
    model.encoder.encode(clipTensor(model, preprocessing, whole), {
      subject: cut && clipTensor(model, preprocessing, cut),
      subtraction: defaults.subtraction,
      residualRatio: defaults.residualRatio,
    });
}

/** Throws `ERR_INPUT` where another model encoded a style. */
function requireOwn({ model, encoder }: Preparation, style: StyleHandle): void {
  const { dim } = model.chameleon.shape;
  const count = model.encoder.resampler.outputs;
  if (style.dim !== dim) {
    const expected = `of ${dim} numbers a vector, as the transformer has them`;
    throw wrong('style', expected, `${style.dim}. Encode it with this model`);
  }
  if (style.count !== count) {
    const expected = `of ${count} vectors, as the resampler makes them`;
    throw wrong('style', expected, `${style.count}. Encode it with this model`);
  }
  if (style.encoder === undefined || style.encoder === encoder) return;
  const expected = `a style of this model's CLIP and resampler, ${encoder}`;
  throw wrong('style', expected, `one of ${style.encoder}. Encode it with this model`);
}

/** Reads a request's pictures and words. */
export async function prepare(
  preparation: Preparation,
  request: GenerateRequest,
): Promise<PreparedRequest> {
  const { tokenizer, vocabulary, defaults } = preparation;
  const { style } = request;
  const size = request.size ?? (style !== undefined ? undefined : squareOf(defaults, vocabulary));
  const sizes = size
    ? [checkedGrid(vocabulary, size)]
    : cropSizes(defaults.targetSize, { unit: vocabulary.unitPixels }).map((crop) =>
        gridOfPixels(vocabulary, crop),
      );
  const left = preparation.maxTokens - longestOf(vocabulary, sizes);
  if (size && left < 1) {
    const got = `${size.width} x ${size.height}`;
    throw wrong('size', `a picture of less than ${preparation.maxTokens} tokens`, got);
  }
  if (style instanceof StyleHandle) requireOwn(preparation, style);
  const handle =
    style === undefined || style instanceof StyleHandle
      ? style
      : await encodeStyle(preparation, style);
  if (request.condition !== undefined && style === undefined)
    throw wrong('condition', 'beside a style', 'one without');
  const condition =
    request.condition === undefined
      ? undefined
      : new Condition(preparation, await open(request.condition));
  const kind = handle ? (condition ? 'styleAndImage' : 'style') : 'plain';
  const promptWith = (image?: readonly number[]) =>
    promptOf(
      tokenizer,
      vocabulary,
      kind,
      { prompt: request.prompt, ...(image ? { image } : {}), ...(handle ? {} : size) },
      { maxTokens: Math.min(left, 4096) },
    );
  const plain = condition ? undefined : promptWith();
  return {
    promptOf: async (seed) => plain ?? promptWith(await condition?.tokens(seed)),
    style: handle,
    sizes,
    settings: {
      guidance: request.guidance ?? defaults.guidance,
      imageTopK: request.imageTopK ?? defaults.imageTopK,
      topP: request.topP ?? 1,
      minP: request.minP ?? 0,
      temperature: request.temperature ?? defaults.temperature,
      noiseStrength:
        request.noiseStrength ??
        (condition ? defaults.conditionNoiseStrength : defaults.noiseStrength),
      styleStrength: request.styleStrength ?? 1,
    },
  };
}

/** What the engine is given for one picture; the style rows are the caller's to free. */
export function tokenRequest(
  preparation: Preparation,
  prepared: PreparedRequest,
  prompt: Prompt,
  seed: number,
  window: number | 'auto',
): TokenRequest {
  const { sizes, settings } = prepared;
  return {
    ...settings,
    prompt: prompt.ids,
    style: styleRows(preparation, prepared, prompt, seed),
    grammar: { sizes },
    textTopK,
    seed: signed(seed),
    maxTokens: longestOf(preparation.vocabulary, sizes),
    window,
  };
}

/** The style's vectors for one picture: its own noise on them, faded towards the words in the prompt. */
function styleRows(
  preparation: Preparation,
  { style, settings }: PreparedRequest,
  prompt: Prompt,
  seed: number,
): StyleRows | undefined {
  if (!style) return undefined;
  const { noiseStrength, styleStrength } = settings;
  const { model, vocabulary, dtype } = preparation;
  const { device } = model;
  const places = prompt.styleIndex.slice(0, style.count);
  const rows = scope(() => {
    let all = device.from(style.values, [1, style.count, style.dim]);
    if (noiseStrength > 0)
      all = addStyleNoise(all, device.from(Int32Array.from(signed(seed)), [1, 2]), noiseStrength);
    let used = reshape(all, [style.count, style.dim]);
    if (styleStrength !== 1) {
      const word = device.from(Int32Array.of(vocabulary.stylePlaceholder!));
      const placeholder = model.chameleon.embed(word, { dtype: 'f32' });
      used = add(scale(used, styleStrength), placeholder, { beta: 1 - styleStrength });
    }
    return cast(used.slice(0, places.length), dtype);
  });
  const noise = noiseStrength > 0 ? `${noiseStrength}:${seed}` : '';
  return { rows, places, key: `${style.key}:${styleStrength}:${noise}` };
}

/** A picture that guides the layout, as the tokens that stand for it in a prompt. */
class Condition {
  private readonly preparation: Preparation;
  private readonly picture: Picture;
  private readonly plan: CropPlan;
  /** Those of the last crop, which is the only one where the picture fits. */
  private last: { readonly offset: CropOffset; readonly tokens: Promise<number[]> } | undefined;

  constructor(preparation: Preparation, picture: Picture) {
    const { defaults, vocabulary } = preparation;
    const sizes = cropSizes(defaults.targetSize, { unit: vocabulary.unitPixels });
    this.preparation = preparation;
    this.picture = upright(picture);
    this.plan = planCrop(this.picture, bestCropSize(this.picture, sizes));
  }

  /** @param seed  of the picture that it guides */
  tokens(seed: number): Promise<number[]> {
    const offset = drawCropOffset(this.plan, seed);
    const { left, top } = this.last?.offset ?? { left: -1, top: -1 };
    if (offset.left !== left || offset.top !== top)
      this.last = { offset, tokens: this.tokensAt(offset) };
    return this.last!.tokens;
  }

  private async tokensAt(offset: CropOffset): Promise<number[]> {
    const { model, vocabulary } = this.preparation;
    const size = this.plan.crop;
    const pixels = vqganPixels(fitCrop(this.picture, size, offset));
    const codes = scope(() =>
      model.vqgan.encode(model.device.from(pixels, [1, size.height, size.width, 3])),
    );
    const values = await codes.read();
    codes.dispose();
    return imageTokens(vocabulary, gridOfPixels(vocabulary, size), values);
  }
}

function clipTensor(
  { device }: StyleARModel,
  preprocessing: ClipPreprocessing,
  picture: Picture,
): Tensor {
  const { height, width } = preprocessing.crop;
  return device.from(clipPixels([picture], preprocessing), [1, height, width, 3]);
}

const open = async (source: PictureSource): Promise<Picture> =>
  isPicture(source) ? checkPicture(source, 'generate') : decodePicture(source);

function squareOf(
  { targetSize }: StyleARDefaults,
  { unitPixels }: Vocabulary,
): { width: number; height: number } {
  const side = Math.floor(targetSize / unitPixels) * unitPixels;
  return { width: side, height: side };
}

function checkedGrid(
  vocabulary: Vocabulary,
  size: { readonly width: number; readonly height: number },
): Grid {
  try {
    return gridOfPixels(vocabulary, size);
  } catch (cause) {
    const most = vocabulary.unitPixels * vocabulary.gridMax;
    const expected = `multiples of ${vocabulary.unitPixels} pixels up to ${most}`;
    throw new StylearError(
      'ERR_INPUT',
      `generate: expected size to be ${expected}, got ${size.width} x ${size.height}`,
      { cause },
    );
  }
}

const longestOf = (vocabulary: Vocabulary, sizes: readonly Grid[]): number =>
  Math.max(...sizes.map((grid) => imageTokenCount(vocabulary, grid)));

const signed = (seed: number): readonly [number, number] => {
  const [low, high] = halvesOf(seed);
  return [low | 0, high | 0];
};

const wrong = (what: string, expected: string, got: string): StylearError =>
  new StylearError('ERR_INPUT', `generate: expected ${what} to be ${expected}, got ${got}`);

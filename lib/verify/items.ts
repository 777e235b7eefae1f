import { join } from 'node:path';
import { z } from 'zod';
import { onBackground } from '../image/background.ts';
import { bestCropSize, cropSizes, type Size } from '../image/crop_sizes.ts';
import { decodePicture } from '../image/decode.ts';
import { fitCrop, planCrop } from '../image/fit_crop.ts';
import { channelsOf, type Picture } from '../image/picture.ts';
import { vqganPixels } from '../image/vqgan_pixels.ts';
import { openVqgan } from '../models/open_vqgan.ts';
import type { Device } from '../tensor/device.ts';
import { gridOfPixels, imageTokens } from '../text/image_tokens.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import { chameleonLayout, vocabularyOf } from '../text/vocabulary.ts';
import { type Check, compareExactly, type Verifier } from './check.ts';
import { checkConversations } from './conversations.ts';
import type { Fixture } from './fixture.ts';

/** What is made of the pictures and the conversations of items. */
export const verifyItems: Verifier = async function* (fixture, { device }) {
  yield* checkItemPictures(fixture);
  yield* checkItemTokens(fixture, device);
};

/** How pictures of a prompt are brought to a size: which one, by which steps, and to which bytes. */
export async function* checkItemPictures(fixture: Fixture): AsyncGenerator<Check> {
  yield* checkCropSizes(fixture);
  yield* checkCropPlans(fixture);
  yield* checkCrops(fixture);
}

const pair = z.tuple([z.int(), z.int()]);

/** By target, alone or with `ratio` and the largest aspect ratio. */
const sizeListsSchema = z.record(z.string().regex(/^\d+( ratio \d+)?$/), z.array(pair));

function* checkCropSizes(fixture: Fixture): Generator<Check> {
  const file = 'crop_size_lists.json';
  for (const [key, want] of Object.entries(sizeListsSchema.parse(fixture.json(file)))) {
    const [, target, maxAspect] = /^(\d+)(?: ratio (\d+))?$/.exec(key)!;
    const options = maxAspect ? { maxAspect: Number(maxAspect) } : {};
    yield compareExactly(`${file}:${key}`, cropSizes(Number(target), options).map(pairOf), want);
  }
}

const plansSchema = z.object({
  rows: z.array(
    z.object({
      target: z.int(),
      size: pair,
      crop: pair,
      resizes: z.array(z.tuple([pair, z.int()])),
      offset_range: pair,
    }),
  ),
});

/** Pillow's numbers of the filters. */
const [box, bicubic] = [4, 3];

function* checkCropPlans(fixture: Fixture): Generator<Check> {
  const file = 'crops.json';
  for (const { target, size, crop, ...want } of plansSchema.parse(fixture.json(file)).rows) {
    const best = bestCropSize(sizeOf(size), cropSizes(target));
    const { halvings, resized, slack } = planCrop(sizeOf(size), best);
    const steps = [...halvings.map((to) => [pairOf(to), box]), [pairOf(resized), bicubic]];
    const got = [pairOf(best), steps, [slack.left, slack.top]];
    const name = `${file}:${size.join('x')} for ${target}`;
    yield compareExactly(name, got, [crop, want.resizes, want.offset_range]);
  }
}

const imagesSchema = z.object({
  target: z.int(),
  crop_size_list: z.array(pair),
  images: z.array(
    z.object({
      image: z.string(),
      mode: z.string(),
      size: pair,
      crop: pair,
      offsets: pair,
      tokens: z.array(z.int()),
      codes: z.array(z.int()),
    }),
  ),
});

/** A picture of the fixture, cropped as it was there, and what becomes of it. */
export interface ItemPicture {
  readonly name: string;
  /** In its own mode. */
  readonly cropped: Picture;
  /** Codes of the VQGAN, row by row. */
  readonly codes: readonly number[];
  /** What stands for it in a prompt. */
  readonly tokens: readonly number[];
}

/** The pictures of an items fixture. */
export async function readItemPictures(fixture: Fixture): Promise<readonly ItemPicture[]> {
  const { target, images } = imagesSchema.parse(fixture.json('images.json'));
  const sizes = cropSizes(target);
  return Promise.all(
    images.map(async ({ image: name, offsets: [left, top], codes, tokens }) => {
      const picture = await decodePicture(fixture.path('images', `${name}.png`));
      const cropped = fitCrop(picture, bestCropSize(picture, sizes), { left, top });
      return { name, cropped, codes, tokens };
    }),
  );
}

async function* checkCrops(fixture: Fixture): AsyncGenerator<Check> {
  const { target, crop_size_list, images } = imagesSchema.parse(fixture.json('images.json'));
  yield compareExactly('images.json:crop_size_list', cropSizes(target).map(pairOf), crop_size_list);
  for (const [i, { name, cropped }] of (await readItemPictures(fixture)).entries()) {
    const { mode, crop } = images[i]!;
    yield compareExactly(`images.json:${name}.mode`, modeOf(cropped), mode);
    yield compareExactly(`images.json:${name}.crop`, pairOf(cropped), crop);
    for (const [file, got] of [
      [`${name}_cropped.png`, cropped],
      [`${name}_cropped_rgb.png`, onBackground(cropped, 'white')],
    ] as const) {
      const want = await decodePicture(fixture.path('images', file));
      yield compareExactly(`images/${file}`, pixelsOf(got), pixelsOf(want));
    }
  }
}

/**
 * Pictures as codes and tokens, and the conversations that have them, by the VQGAN and the tokenizer
 * beside the fixture.
 */
export async function* checkItemTokens(fixture: Fixture, device: Device): AsyncGenerator<Check> {
  using opened = openVqgan(join(fixture.beside('vqgan'), 'ckpt'), device);
  const tokenizer = Tokenizer.open(join(fixture.beside('tokenizer'), 'hf', 'tokenizer.json'));
  const vocabulary = vocabularyOf(tokenizer.ids, chameleonLayout);
  const encode = async (cropped: Picture) => {
    const { width, height } = cropped;
    using pixels = device.from(vqganPixels(cropped), [1, height, width, 3]);
    using encoded = opened.vqgan.encode(pixels);
    const codes = (await encoded.read()) as Int32Array;
    const grid = gridOfPixels(vocabulary, { width, height });
    return { codes, tokens: imageTokens(vocabulary, grid, codes) };
  };
  for (const { name, cropped, ...want } of await readItemPictures(fixture)) {
    const { codes, tokens } = await encode(cropped);
    yield compareExactly(`images.json:${name}.codes`, codes, want.codes);
    yield compareExactly(`images.json:${name}.tokens`, tokens, want.tokens);
  }
  const sizes = cropSizes(imagesSchema.parse(fixture.json('images.json')).target);
  yield* checkConversations(fixture, tokenizer, vocabulary, async (image, [left, top]) => {
    const picture = await decodePicture(fixture.path('images', image));
    const cropped = fitCrop(picture, bestCropSize(picture, sizes), { left, top });
    return (await encode(cropped)).tokens;
  });
}

/** As Pillow calls it. */
const modeOf = ({ paletted, mode }: Picture): string => (paletted ? 'P' : mode);

/** The channels of each pixel, as one number. */
function pixelsOf(picture: Picture): readonly number[] {
  const channels = channelsOf(picture);
  return Array.from({ length: picture.width * picture.height }, (_, i) =>
    picture.pixels
      .subarray(i * channels, (i + 1) * channels)
      .reduce((sum, level) => sum * 256 + level, 0),
  );
}

const pairOf = ({ width, height }: Size): readonly number[] => [width, height];

const sizeOf = ([width, height]: readonly [number, number]): Size => ({ width, height });

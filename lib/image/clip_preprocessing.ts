import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { StylearError } from '../error.ts';
import type { Size } from './crop_sizes.ts';
import type { Filter } from './resize.ts';

/** How a vision tower wants its pictures. */
export interface ClipPreprocessing {
  /** What the short side is resized to, pixels. */
  readonly shortSide: number;
  /** What is cropped from the middle then, pixels; at most `shortSide` on either side. */
  readonly crop: Size;
  readonly filter: Filter;
  /** What levels of 0 to 255 are multiplied by. */
  readonly rescale: number;
  /** Of red, green and blue, in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** By Pillow's numbers. */
const filters = { 0: 'nearest', 2: 'bilinear', 3: 'bicubic', 4: 'box' } as const;

const side = between(1, 4096, true);
/** No step may be left out: the tower was trained on pictures that went through all. */
const step = z.literal(true, { error: 'true' }).default(true);
const perChannel = (least: number) => {
  const error = 'three numbers, of red, green and blue';
  return z.array(between(least, 10, false), { error }).length(3, { error });
};

/** A preprocessor_config.json, as transformers writes it for CLIP. */
const configSchema = z.object(
  {
    do_convert_rgb: step,
    do_resize: step,
    do_center_crop: step,
    do_rescale: step,
    do_normalize: step,
    size: z.union(
      [side, z.object({ shortest_edge: side }).transform((size) => size.shortest_edge)],
      { error: 'a side, or an object with its shortest_edge' },
    ),
    crop_size: z.union(
      [
        side.transform((side) => ({ width: side, height: side })),
        z.object({ width: side, height: side }),
      ],
      { error: 'a side, or an object with width and height' },
    ),
    resample: z.literal([0, 2, 3, 4], { error: '0, 2, 3 or 4' }).default(3),
    rescale_factor: between(1e-9, 1, false).default(1 / 255),
    image_mean: perChannel(-10),
    image_std: perChannel(1e-6),
  },
  { error: 'an object' },
);

function between(least: number, most: number, whole: boolean) {
  const error = `a ${whole ? 'whole ' : ''}number from ${least} to ${most}`;
  const number = whole ? z.int({ error }) : z.number({ error });
  return number.min(least, { error }).max(most, { error });
}

/**
 * Reads a preprocessor_config.json.
 *
 * @throws `ERR_INPUT` when it cannot be read, or asks for what is not done here
 */
export function readClipPreprocessing(path: string): ClipPreprocessing {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw wrong(path, 'the config', 'readable JSON', (cause as Error).message, { cause });
  }
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) {
    const { path: keys, message } = parsed.error.issues[0]!;
    const got = keys.reduce<unknown>((value, key) => (value as Json | undefined)?.[key], json);
    throw wrong(path, keys.join('.') || 'the config', message, JSON.stringify(got) ?? 'nothing');
  }
  const { size, crop_size: crop, resample, rescale_factor: rescale } = parsed.data;
  if (crop.width > size || crop.height > size) {
    throw wrong(path, 'crop_size', `at most size, ${size}`, `${crop.width} x ${crop.height}`);
  }
  return {
    shortSide: size,
    crop,
    filter: filters[resample],
    rescale,
    mean: parsed.data.image_mean,
    std: parsed.data.image_std,
  };
}

type Json = Readonly<Record<PropertyKey, unknown>>;

const wrong = (
  path: string,
  what: string,
  expected: string,
  got: string,
  options?: ErrorOptions,
): StylearError =>
  new StylearError('ERR_INPUT', `${path}: expected ${what} to be ${expected}, got ${got}`, options);

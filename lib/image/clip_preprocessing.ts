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

const filters: Readonly<Record<number, Filter>> = {
  0: 'nearest',
  2: 'bilinear',
  3: 'bicubic',
  4: 'box',
};

const side = z.int().min(1).max(4096);
const step = z.literal(true).default(true);
const perChannel = z.array(z.number()).length(3);

/** A preprocessor_config.json, as transformers writes it for CLIP. */
const configSchema = z.object({
  do_convert_rgb: step,
  do_resize: step,
  do_center_crop: step,
  do_rescale: step,
  do_normalize: step,
  size: z.union([side, z.object({ shortest_edge: side }).transform((size) => size.shortest_edge)]),
  crop_size: z.union([
    side.transform((side) => ({ width: side, height: side })),
    z.object({ width: side, height: side }),
  ]),
  resample: z
    .number()
    .refine((code) => filters[code] !== undefined, '0, 2, 3 or 4: nearest, bilinear, bicubic, box')
    .default(3),
  rescale_factor: z
    .number()
    .positive()
    .default(1 / 255),
  image_mean: perChannel,
  image_std: perChannel.refine((std) => std.every((value) => value > 0), 'above 0'),
});

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
    const got = (cause as Error).message;
    throw new StylearError('ERR_INPUT', `${path}: expected it to be readable JSON, got ${got}`, {
      cause,
    });
  }
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw wrong(path, issue!.path.join('.') || 'it', 'as CLIP has it', issue!.message);
  }
  const { size, crop_size: crop, resample, rescale_factor: rescale } = parsed.data;
  if (crop.width > size || crop.height > size) {
    throw wrong(path, 'crop_size', `at most ${size}, as size`, `${crop.width} x ${crop.height}`);
  }
  return {
    shortSide: size,
    crop,
    filter: filters[resample]!,
    rescale,
    mean: parsed.data.image_mean,
    std: parsed.data.image_std,
  };
}

const wrong = (path: string, what: string, expected: string, got: string): StylearError =>
  new StylearError('ERR_INPUT', `${path}: expected ${what} to be ${expected}, got ${got}`);

import { join } from 'node:path';
import * as z from 'zod';
import {
  flag,
  listOf,
  objectOf,
  only,
  parseConfig,
  readConfigFile,
  real,
  whole,
} from './config_file.ts';

/** How a picture becomes what CLIP's vision tower takes. */
export interface ClipPreprocessorConfig {
  /** Of the shorter side after resizing by bicubic interpolation, pixels. */
  readonly shortestEdge: number;
  /** `[height, width]` of the centre that is kept, pixels. */
  readonly crop: readonly [number, number];
  /** Of red, green and blue in [0, 1]. */
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

const side = whole(1, 2 ** 14);
const error = 'a side, or an object of sides';
const three = listOf(real(-10, 10), 3, 3);
/** What the tower is not given is left to nobody: each step must be asked for. */
const step = only(true).default(true);

const schema = objectOf({
  do_resize: step,
  do_center_crop: step,
  do_normalize: step,
  do_rescale: step,
  do_convert_rgb: flag().default(true),
  resample: only(3),
  rescale_factor: real(1 / 255 - 1e-9, 1 / 255 + 1e-9).default(1 / 255),
  size: z.union([side, objectOf({ shortest_edge: side })], { error }),
  crop_size: z.union([side, objectOf({ height: side, width: side })], { error }),
  image_mean: three,
  image_std: listOf(real(1e-6, 10), 3, 3),
});

/**
 * The steps before a vision tower, which this package knows in one order: shorter side by bicubic
 * interpolation, centre, 1/255, mean and deviation.
 *
 * Throws `ERR_WEIGHTS` when the config leaves one out or has another.
 *
 * @param folder  has a `preprocessor_config.json`
 */
export function readClipPreprocessorConfig(folder: string): ClipPreprocessorConfig {
  const path = join(folder, 'preprocessor_config.json');
  const { size, crop_size: crop, ...config } = parseConfig(path, schema, readConfigFile(path));
  return {
    shortestEdge: typeof size === 'number' ? size : size.shortest_edge,
    crop: typeof crop === 'number' ? [crop, crop] : [crop.height, crop.width],
    mean: config.image_mean as [number, number, number],
    deviation: config.image_std as [number, number, number],
  };
}

// How the reference brings a picture to a size whose shape is not its own: shrink it, then cut off
// what is over, at a place that is drawn.
import { StylearError } from '../error.ts';
import { halvesOf, hostDraws, philox } from '../philox.ts';
import type { Size } from './crop_sizes.ts';
import type { Picture } from './picture.ts';
import { resize } from './resize.ts';

/** The steps that bring a picture to a size. */
export interface CropPlan {
  /** Sizes it passes through, each half the one before, by a box filter. */
  readonly halvings: readonly Size[];
  /** The size it is resized to in the end, bicubically; one side is that of the crop. */
  readonly resized: Size;
  readonly crop: Size;
  /** The offset of the crop is from 0 to this, both included. */
  readonly slack: CropOffset;
}

/** Where a crop begins, pixels of the resized picture. */
export interface CropOffset {
  readonly left: number;
  readonly top: number;
}

/**
 * How a picture of a size is brought to another.
 *
 * @throws `ERR_VALUE` when a side is not a whole number from 1
 */
export function planCrop(from: Size, crop: Size): CropPlan {
  requireSides('from', from);
  requireSides('crop', crop);
  const halvings: Size[] = [];
  let { width, height } = from;
  while (width >= 2 * crop.width && height >= 2 * crop.height) {
    [width, height] = [width >> 1, height >> 1];
    halvings.push({ width, height });
  }
  const scale = Math.max(crop.width / width, crop.height / height);
  const resized = { width: roundHalfEven(width * scale), height: roundHalfEven(height * scale) };
  const slack = { left: resized.width - crop.width, top: resized.height - crop.height };
  return { halvings, resized, crop, slack };
}

function requireSides(what: string, { width, height }: Size): void {
  const isSide = (extent: number) => Number.isSafeInteger(extent) && extent >= 1;
  if (isSide(width) && isSide(height)) return;
  throw new StylearError(
    'ERR_VALUE',
    `planCrop: expected ${what} to be whole numbers from 1, got ${width} x ${height}`,
  );
}

/** As Python's `round`. */
function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/**
 * The offset that a seed gives to a crop: uniform over the slack.
 *
 * @param seed   a whole number in [0, 2^53)
 * @param index  which of the pictures of that seed it is, a whole number in [0, 2^32)
 */
export function drawCropOffset({ slack }: CropPlan, seed: number, index = 0): CropOffset {
  const words = philox([index, hostDraws.crop, 0, 0], halvesOf(seed));
  // Off from uniform by a share of slack / 2^32.
  const below = (word: number, most: number) => Math.floor((word / 2 ** 32) * (most + 1));
  return { left: below(words[0], slack.left), top: below(words[1], slack.top) };
}

/**
 * A picture brought to a size and cropped; only what is left in the end is computed in full size.
 * Nothing else runs meanwhile: a picture of the largest size takes half a second, with alpha a whole
 * one.
 *
 * @throws `ERR_VALUE` when the offset is beyond the slack of the plan
 */
export function fitCrop(picture: Picture, crop: Size, offset: CropOffset): Picture {
  const { halvings, resized, slack } = planCrop(picture, crop);
  if (!isWithin(offset.left, slack.left) || !isWithin(offset.top, slack.top)) {
    throw new StylearError(
      'ERR_VALUE',
      `fitCrop: expected offset to be whole numbers up to ${slack.left}, ${slack.top}, got ` +
        `${offset.left}, ${offset.top}`,
    );
  }
  let halved = picture;
  for (const { width, height } of halvings) {
    halved = resize(halved, width, height, { filter: 'box' });
  }
  return resize(halved, resized.width, resized.height, { window: { ...offset, ...crop } });
}

const isWithin = (value: number, most: number): boolean =>
  Number.isSafeInteger(value) && value >= 0 && value <= most;

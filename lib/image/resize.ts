import { StylearError } from '../error.ts';
import { shown } from '../shown.ts';
import {
  type FilterWeights,
  filterWeights,
  type SmoothFilter,
  smoothFilters,
  weightBits,
} from './filter_weights.ts';
import { channelsOf, crop, hasAlpha, type Picture, requirePart } from './picture.ts';
import { pictureLimits, sizeExceeded } from './picture_limits.ts';
import { premultiplied, unpremultiplied } from './premultiply.ts';

/** By what kernel a picture is resized, or that it takes the nearest pixel. */
export type Filter = 'nearest' | SmoothFilter;

/** A part of a picture, in pixels. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** How a picture is resized, and which part of it. */
export interface ResizeOptions {
  /** `bicubic` unless told; paletted pictures take the nearest pixel in any case. */
  readonly filter?: Filter | undefined;
  /** The part of the result that is wanted; only that is computed. All of it unless told. */
  readonly window?: Window | undefined;
}

/** Pixels on either side: a picture of the longest side, its shortest one made 4096. */
const maxSide = pictureLimits.side * 4096;

/**
 * A picture in another size, as Pillow's `Image.resize` gives it, bit for bit: columns first, rounded
 * to 8 bits between the passes, with fixed-point weights; where there is alpha, on premultiplied
 * colours. Nothing else runs meanwhile: a picture of the largest size takes some tenths of a second,
 * near a second with alpha.
 *
 * @param width   pixels, a whole number from 1 to 2^26; what is computed of it, the window, is at most
 *                {@link pictureLimits}
 * @param height  as `width`
 * @throws `ERR_VALUE` when a number is out of its range, the filter is none, or the window does not lie
 *         in the result
 */
export function resize(
  picture: Picture,
  width: number,
  height: number,
  { filter = 'bicubic', window = { left: 0, top: 0, width, height } }: ResizeOptions = {},
): Picture {
  requireSides(width, height);
  requireFilter(filter);
  requirePart('resize', 'the window', window, { width, height });
  const exceeded = sizeExceeded(window.width, window.height);
  if (exceeded) throw wrong(`the result to be ${exceeded}, got ${window.width} x ${window.height}`);
  if (width === picture.width && height === picture.height) {
    return crop(picture, window.left, window.top, window.width, window.height);
  }
  if (filter === 'nearest' || picture.paletted) return nearest(picture, width, height, window);
  const weightsAlong: WeightsAlong = (from, to, first, outputs) =>
    from === to ? undefined : filterWeights(filter, from, to, first, outputs);
  if (!hasAlpha(picture)) return smooth(picture, width, height, window, weightsAlong);
  return unpremultiplied(smooth(premultiplied(picture), width, height, window, weightsAlong));
}

function requireSides(width: number, height: number): void {
  for (const [side, extent] of Object.entries({ width, height })) {
    if (Number.isSafeInteger(extent) && extent >= 1 && extent <= maxSide) continue;
    throw wrong(`${side} to be a whole number from 1 to ${maxSide}, got ${shown(extent)}`);
  }
}

function requireFilter(filter: Filter): void {
  const filters = ['nearest', ...smoothFilters];
  if (filters.includes(filter)) return;
  throw wrong(`filter to be one of ${filters.join(', ')}, got ${shown(filter)}`);
}

const wrong = (expected: string): StylearError =>
  new StylearError('ERR_VALUE', `resize: expected ${expected}`);

/** The weights along one axis; undefined when its extent stays. */
type WeightsAlong = (
  from: number,
  to: number,
  first: number,
  outputs: number,
) => FilterWeights | undefined;

/** Above this ratio of height to width Pillow does rows first. */
const tall = 100;

function smooth(
  picture: Picture,
  width: number,
  height: number,
  { left, top, width: columns, height: rows }: Window,
  weightsAlong: WeightsAlong,
): Picture {
  const across = weightsAlong(picture.width, width, left, columns);
  const down = weightsAlong(picture.height, height, top, rows);
  const resizeColumns = (of: Picture) =>
    across ? filterColumns(of, across) : crop(of, left, 0, columns, of.height);
  if (picture.height > picture.width * tall && height < picture.height) {
    return resizeColumns(down ? filterRows(picture, down, 0) : picture);
  }
  if (!down) return resizeColumns(crop(picture, 0, top, picture.width, rows));
  // The rows that the second pass looks at, and no others.
  const last = rows - 1;
  const begin = down.starts[0]!;
  const end = down.starts[last]! + down.counts[last]!;
  const needed = crop(picture, 0, begin, picture.width, end - begin);
  return filterRows(resizeColumns(needed), down, begin);
}

const half = 1 << (weightBits - 1);

/**
 * Resizes every row: `[height, width, channels]` to `[height, outputs, channels]`. Three channels are
 * summed at once where there are as many, which takes half the time of one after the other.
 */
function filterColumns(
  picture: Picture,
  { starts, counts, taps, weights }: FilterWeights,
): Picture {
  const { width, height, pixels } = picture;
  const channels = channelsOf(picture);
  const outputs = starts.length;
  const out = new Uint8ClampedArray(height * outputs * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    const row = y * width * channels;
    for (let i = 0; i < outputs; i++) {
      const first = row + starts[i]! * channels;
      const begin = i * taps;
      const end = begin + counts[i]!;
      if (channels >= 3) {
        let [a, b, c] = [half, half, half];
        for (let tap = begin, from = first; tap < end; tap++, from += channels) {
          const weight = weights[tap]!;
          a = (a + Math.imul(pixels[from]!, weight)) | 0;
          b = (b + Math.imul(pixels[from + 1]!, weight)) | 0;
          c = (c + Math.imul(pixels[from + 2]!, weight)) | 0;
        }
        out[at++] = a >> weightBits;
        out[at++] = b >> weightBits;
        out[at++] = c >> weightBits;
      }
      for (let channel = channels >= 3 ? 3 : 0; channel < channels; channel++) {
        let sum = half;
        for (let tap = begin, from = first + channel; tap < end; tap++, from += channels) {
          sum = (sum + Math.imul(pixels[from]!, weights[tap]!)) | 0;
        }
        out[at++] = sum >> weightBits;
      }
    }
  }
  return { ...picture, width: outputs, pixels: asBytes(out) };
}

/**
 * Resizes every column: `[height, width, channels]` to `[outputs, width, channels]`.
 *
 * @param skipped  how many rows of those that the weights count are missing before the first
 */
function filterRows(
  picture: Picture,
  { starts, counts, taps, weights }: FilterWeights,
  skipped: number,
): Picture {
  const rowBytes = picture.width * channelsOf(picture);
  const { pixels } = picture;
  const outputs = starts.length;
  const out = new Uint8ClampedArray(outputs * rowBytes);
  const sums = new Int32Array(rowBytes);
  for (let i = 0; i < outputs; i++) {
    sums.fill(half);
    for (let tap = 0; tap < counts[i]!; tap++) {
      const weight = weights[i * taps + tap]!;
      const row = (starts[i]! - skipped + tap) * rowBytes;
      for (let x = 0; x < rowBytes; x++) {
        sums[x]! += Math.imul(pixels[row + x]!, weight);
      }
    }
    for (let x = 0; x < rowBytes; x++) out[i * rowBytes + x] = sums[x]! >> weightBits;
  }
  return { ...picture, height: outputs, pixels: asBytes(out) };
}

function nearest(picture: Picture, width: number, height: number, window: Window): Picture {
  const channels = channelsOf(picture);
  const columns = nearestAlong(picture.width, width, window.left, window.width);
  const rows = nearestAlong(picture.height, height, window.top, window.height);
  const pixels = new Uint8Array(columns.length * rows.length * channels);
  let at = 0;
  for (const row of rows) {
    for (const column of columns) {
      const from = (row * picture.width + column) * channels;
      for (let channel = 0; channel < channels; channel++)
        pixels[at++] = picture.pixels[from + channel]!;
    }
  }
  return { ...picture, width: columns.length, height: rows.length, pixels };
}

/** Which input element each output takes. The place is added up step by step, as Pillow does. */
function nearestAlong(from: number, to: number, first: number, outputs: number): Int32Array {
  const step = from / to;
  const elements = new Int32Array(outputs);
  let place = step * 0.5;
  for (let i = 0; i < first; i++) place += step;
  for (let i = 0; i < outputs; i++, place += step) elements[i] = Math.min(place, from - 1);
  return elements;
}

const asBytes = ({ buffer }: Uint8ClampedArray<ArrayBuffer>): Uint8Array => new Uint8Array(buffer);

import { StylearError } from '../error.ts';

/** Pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Which sizes a crop may have. */
export interface CropSizesOptions {
  /** Sides are multiples of it, pixels; 32 unless told: the unit of the grid tokens. */
  readonly unit?: number | undefined;
  /** Of the longer side to the shorter, at most; 4 unless told. */
  readonly maxAspect?: number | undefined;
}

/**
 * The sizes a picture may be cropped to: those with as much area as fits into a square of `target`,
 * from the widest to the tallest.
 *
 * @param target  pixels, at least `unit`
 * @throws `ERR_VALUE` when a number is out of its range
 */
export function cropSizes(
  target: number,
  { unit = 32, maxAspect = 4 }: CropSizesOptions = {},
): readonly Size[] {
  requireRange('unit', unit, 1, 4096);
  requireRange('target', target, unit, 512 * unit);
  requireRange('maxAspect', maxAspect, 1, Number.MAX_VALUE);
  const area = Math.floor(target / unit) ** 2;
  const sizes: Size[] = [];
  // A staircase just below the hyperbola columns x rows = area.
  for (let [columns, rows] = [area, 1]; columns > 0; ) {
    if (Math.max(columns, rows) / Math.min(columns, rows) <= maxAspect) {
      sizes.push({ width: columns * unit, height: rows * unit });
    }
    if (columns * (rows + 1) <= area) rows++;
    else columns--;
  }
  return sizes;
}

function requireRange(what: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw new StylearError(
    'ERR_VALUE',
    `cropSizes: expected ${what} to be from ${least} to ${most}, got ${value}`,
  );
}

/**
 * The size whose shape is nearest to a picture's: the one that keeps the largest share of it. Of two
 * alike it is the wider one.
 *
 * @param sizes  at least one
 * @throws `ERR_VALUE` when there is no size
 */
export function bestCropSize({ width, height }: Size, sizes: readonly Size[]): Size {
  let best: Size | undefined;
  let most = -1;
  for (const size of sizes) {
    const [across, down] = [size.width / width, size.height / height];
    const kept = Math.min(across, down) / Math.max(across, down);
    if (kept > most || (kept === most && isLarger(size, best!))) [best, most] = [size, kept];
  }
  if (best) return best;
  throw new StylearError('ERR_VALUE', 'bestCropSize: expected sizes to be at least one, got none');
}

const isLarger = (a: Size, b: Size): boolean =>
  a.width > b.width || (a.width === b.width && a.height > b.height);

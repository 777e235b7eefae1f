import type { Picture } from '../image/picture.ts';
import { paletteDistance, paletteStatistics } from './palette.ts';
import { textureDistance, textureStatistics } from './texture.ts';

/** What of a picture is its style: nothing in it was trained. */
export interface StyleStatistics {
  /** See `paletteStatistics`. */
  readonly palette: Float64Array;
  /** See `textureStatistics`. */
  readonly texture: Float64Array;
}

/** Palette and texture of a picture. */
export const styleStatistics = (picture: Picture): StyleStatistics => ({
  palette: paletteStatistics(picture),
  texture: textureStatistics(picture),
});

/**
 * Mean distances between drawings of two styles of the picture world, which make both parts count the
 * same.
 */
const usual = { palette: 0.16, texture: 0.46 } as const;

/** How unlike two styles are: 0 for the same picture, about 1 for two styles at random. */
export const styleDistance = (a: StyleStatistics, b: StyleStatistics): number =>
  paletteDistance(a.palette, b.palette) / usual.palette / 2 +
  textureDistance(a.texture, b.texture) / usual.texture / 2;

/** The two-way forced choice: whether a result is closer to its own reference than to another one. */
export const choosesOwn = (
  result: StyleStatistics,
  own: StyleStatistics,
  other: StyleStatistics,
): boolean => styleDistance(result, own) < styleDistance(result, other);

/** What a picture may be at most: a hostile file of a few kilobytes can claim gigapixels. */
export const pictureLimits = {
  /** Width times height. */
  pixels: 24_000_000,
  /** Pixels on either side. */
  side: 16_384,
  /** Of the file. */
  bytes: 256 * 2 ** 20,
  /** Of a progressive JPEG; cameras and editors write about ten. */
  jpegScans: 100,
} as const;

/** What a picture of a size is expected to be, where it is larger than one may be. */
export function sizeExceeded(width: number, height: number): string | undefined {
  const { side, pixels } = pictureLimits;
  if (width > side || height > side) return `at most ${side} pixels a side`;
  if (width * height > pixels) return `of at most ${pixels} pixels`;
  return undefined;
}

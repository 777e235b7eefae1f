import { Draws } from './draws.ts';

/** Into how many rows and columns a picture is cut, one as likely as the other. */
const cuts = [2, 4] as const;

/**
 * A picture cut into tiles that lie anywhere, each as it is or mirrored: its colours and its strokes,
 * and no longer what it shows and where.
 *
 * @param pixels  `[side, side, 3]`; what does not fill a tile, at the right and below, stays in place
 * @param seed    low and high half
 */
export function scattered(
  pixels: Float32Array,
  side: number,
  [low, high]: readonly [number, number],
): Float32Array {
  const draws = new Draws((low >>> 0) + (high & 0x1f_ffff) * 2 ** 32, 0);
  const across = cuts[draws.below(cuts.length, 'scatter')]!;
  const tile = Math.floor(side / across);
  const places = draws.shuffle(
    Int32Array.from({ length: across ** 2 }, (_, i) => i),
    'scatter',
  );
  const result = pixels.slice();
  for (const [to, from] of places.entries()) {
    const mirrored = draws.below(2, 'flip', to) === 1;
    for (let row = 0; row < tile; row++) {
      for (let column = 0; column < tile; column++) {
        const source = mirrored ? tile - 1 - column : column;
        const at = placeOf(from, row, source);
        result.set(pixels.subarray(at, at + 3), placeOf(to, row, column));
      }
    }
  }
  return result;

  function placeOf(index: number, row: number, column: number): number {
    const top = Math.floor(index / across) * tile;
    const left = (index % across) * tile;
    return 3 * ((top + row) * side + left + column);
  }
}

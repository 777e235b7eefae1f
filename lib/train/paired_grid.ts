import type { Picture } from '../image/picture.ts';
import { pictureGrid } from '../image/picture_grid.ts';

/** Pictures in a row. */
const columns = 8;

/** Pictures in rows, and below each another one that belongs to it. */
export function pairedGrid(upper: readonly Picture[], lower: readonly Picture[]): Picture {
  const rows: Picture[][] = [];
  for (let begin = 0; begin < upper.length; begin += columns)
    for (const half of [upper, lower]) rows.push(half.slice(begin, begin + columns));
  return pictureGrid(rows);
}

import { describe, expect, test } from 'vitest';
import { scattered } from '../../lib/train/scattered.ts';

const side = 10;
/** Every value is another one. */
const pixels = Float32Array.from({ length: side * side * 3 }, (_, i) => i);
const seeds = Array.from({ length: 40 }, (_, i) => [i * 7919, i] as const);

/** The tiles of so many pixels, as text, each of them the same as its mirror image. */
function tilesOf(values: Float32Array, size: number): string[] {
  const tiles: string[] = [];
  for (let top = 0; top + size <= side; top += size) {
    for (let left = 0; left + size <= side; left += size) {
      const rows = Array.from({ length: size }, (_, row) =>
        Array.from({ length: size }, (_, column) => {
          const at = 3 * ((top + row) * side + left + column);
          return values.slice(at, at + 3).join();
        }),
      );
      const mirrored = rows.map((row) => [...row].reverse());
      tiles.push([rows, mirrored].map((tile) => JSON.stringify(tile)).sort()[0]!);
    }
  }
  return tiles;
}

describe('scattered', () => {
  test('puts the tiles of a picture somewhere else, as they are or mirrored', () => {
    const sizes = new Set<number>();
    let moved = 0;
    for (const seed of seeds) {
      const result = scattered(pixels, side, seed);
      if (result.some((value, i) => value !== pixels[i])) moved++;
      const size = [5, 2].find((size) => {
        const [before, after] = [tilesOf(pixels, size), tilesOf(result, size)];
        return after.sort().join() === before.sort().join();
      });
      expect(size).toBeDefined();
      sizes.add(size!);
    }
    // A draw may leave all of four tiles where they are.
    expect(moved).toBeGreaterThan(35);
    expect(sizes).toEqual(new Set([2, 5]));
    expect(pixels[7]).toBe(7);
  });

  test('leaves what fills no tile in place', () => {
    const small = seeds.map((seed) => scattered(pixels, side, seed));
    // Four tiles of 2 pixels leave the last 2 rows and columns of 10 as they are.
    const edge = (values: Float32Array) => [...values.slice(3 * 80)];
    const kept = small.filter((values) => edge(values).join() === edge(pixels).join());
    expect(kept.length).toBeGreaterThan(5);
    expect(kept.length).toBeLessThan(35);
  });

  test('mirrors about half of the tiles', () => {
    // Values rise to the right, but for those of a mirrored tile.
    const mirrored = seeds.filter((seed) => {
      const [first, , , second] = scattered(pixels, side, seed);
      return first! > second!;
    });
    expect(mirrored.length).toBeGreaterThan(8);
    expect(mirrored.length).toBeLessThan(32);
  });

  test('follows from the seed alone', () => {
    const [first, second] = [scattered(pixels, side, [1, 2]), scattered(pixels, side, [1, 2])];
    expect(second).toEqual(first);
    expect(scattered(pixels, side, [2, 2])).not.toEqual(first);
  });
});

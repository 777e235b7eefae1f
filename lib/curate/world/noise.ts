import type { Point } from './outline.ts';
import type { Random } from './random.ts';

/** A smooth function of the canvas with values in [-1, 1]. */
export type Noise = (x: number, y: number) => number;

const side = 32;

/** Value noise (Perlin 1985's lattice, with values): `wavelength` units from hill to hill. */
export function noiseOf(random: Random, wavelength: number): Noise {
  const lattice = Float64Array.from({ length: side * side }, () => random.uniform(-1, 1));
  const at = (i: number, j: number) => lattice[(i & (side - 1)) + side * (j & (side - 1))]!;
  return (x, y) => {
    const [u, v] = [x / wavelength, y / wavelength];
    const [i, j] = [Math.floor(u), Math.floor(v)];
    const [s, t] = [ease(u - i), ease(v - j)];
    const above = at(i, j) + (at(i + 1, j) - at(i, j)) * s;
    const below = at(i, j + 1) + (at(i + 1, j + 1) - at(i, j + 1)) * s;
    return above + (below - above) * t;
  };
}

const ease = (t: number): number => t * t * (3 - 2 * t);

/** A smooth bending of the canvas that moves no point further than `amount` on either axis. */
export function bendOf(random: Random, amount: number, wavelength: number): (at: Point) => Point {
  const [dx, dy] = [noiseOf(random, wavelength), noiseOf(random, wavelength)];
  return ([x, y]) => [x + amount * dx(x, y), y + amount * dy(x, y)];
}

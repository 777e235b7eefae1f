// Shapes of results. They are worked out before an op checks its arguments, so they must not fail on
// a tensor of the wrong rank: the op names that fault better.
import type { Tensor } from '../tensor/tensor.ts';

/** A shape: extents from the outermost to the innermost. */
export type Extents = readonly number[];

/** The extent of `x` along `axis`, which counts from the end when negative; 1 where there is none. */
export const extent = (x: Tensor, axis: number): number => x.shape.at(axis) ?? 1;

/** How many elements a tensor of that shape has. */
export const count = (shape: Extents): number => shape.reduce((product, n) => product * n, 1);

/** The same shape with its innermost extent replaced. */
export const withLast = (shape: Extents, last: number): number[] => [...shape.slice(0, -1), last];

/** `axis` counted from the front. */
export const fromFront = (x: Tensor, axis: number): number =>
  axis < 0 ? axis + x.shape.length : axis;

/** `x` as a matrix of its innermost rows, `[rows, width]`, without a copy. */
export const asRows = (x: Tensor): Tensor =>
  x.shape.length === 2 ? x : x.reshape([count(x.shape.slice(0, -1)), extent(x, -1)]);

/** Operations of the transformer's products, a multiply-add being two. */

import type { ChameleonShape } from '../../lib/models/chameleon.ts';

/** Sequences of one length. */
export interface SequenceSizes {
  readonly sequences: number;
  readonly tokens: number;
}

/** One forward pass by its parts; the gradients of inputs, and those of weights, cost as much again. */
export interface TransformerWork {
  /** Products with weights: `2 rows (layers (2 dim (heads + kvHeads) headDim + 3 dim inner) + vocabulary dim)`. */
  readonly products: number;
  /** Those of queries, keys and values of one layer, which are in `products`. */
  readonly firstProducts: number;
  /** Scores and sums of values, each over half of the square: `2 layers sequences tokens (tokens + 1) dim`. */
  readonly attention: number;
  /** Side paths of an adapter: of each product `2 rows rank (inputs + outputs)`. */
  readonly side: number;
}

/** @param rank  of the adapter; 0 for none */
export function transformerWork(
  shape: ChameleonShape,
  { sequences, tokens }: SequenceSizes,
  rank = 0,
): TransformerWork {
  const { layers, dim, heads, kvHeads, headDim, inner, vocabulary } = shape;
  const rows = sequences * tokens;
  const [wide, narrow] = [heads * headDim, kvHeads * headDim];
  const layer = 2 * dim * (wide + narrow) + 3 * dim * inner;
  // Of q, k, v, o and the down projection: inputs and outputs.
  const ends = 2 * (dim + wide) + 2 * (dim + narrow) + (inner + dim);
  return {
    products: 2 * rows * (layers * layer + vocabulary * dim),
    firstProducts: 2 * rows * dim * (wide + 2 * narrow),
    attention: 2 * layers * sequences * tokens * (tokens + 1) * wide,
    side: 2 * rows * rank * (layers * ends + dim + vocabulary),
  };
}

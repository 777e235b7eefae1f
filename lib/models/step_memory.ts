// What a step of the transformer holds at its fullest, and what recordings of steps may hold together.
import { blockBytes } from '../tensor/block_bytes.ts';
import type { ChameleonDims } from './chameleon_layer.ts';

/**
 * Rows that one product is given at most. Up to here the bits of a row do not depend on the rows beside
 * it, and neither does a picture on its neighbours, on windows or on the batch.
 */
export const maxRows = 64;

/** How many steps are kept recorded at most, and the bytes of all their activations. */
export const recordingLimits = { count: 32, bytes: 2 ** 27 } as const;

/** How much a step computes. */
export interface StepSize {
  /** Streams times tokens that each is fed. */
  readonly rows: number;
  /** Tokens that are drawn. */
  readonly drawn: number;
  /** Whether a token is drawn from the logits of two rows. */
  readonly guided: boolean;
  /** Logits of a row. */
  readonly logits: number;
  readonly dtype: 'f32' | 'bf16';
}

/**
 * Bytes of a step's activations: the residual stream of all rows, one layer over as many as are taken
 * at once, and the logits.
 */
export function stepBytes(
  { dim, heads, kvHeads, headDim, inner }: ChameleonDims,
  { rows, drawn, guided, logits, dtype }: StepSize,
): number {
  const bytes = dtype === 'bf16' ? 2 : 4;
  const of = (count: number, width: number) => blockBytes(count * width * bytes);
  // A layer's input, what the norms, the products and the residuals give, and its output.
  const layer = (count: number) =>
    5 * of(count, dim) +
    3 * of(count, heads * headDim) +
    2 * of(count, kvHeads * headDim) +
    3 * of(count, inner);
  const atOnce = Math.min(rows, maxRows);
  // The last rows may be fewer, and have blocks of their own then.
  const last = rows % atOnce;
  const layers = layer(atOnce) + (last > 0 ? layer(last) : 0);
  // Results of several products are put together, which takes a copy.
  const streams = (rows > maxRows ? 3 : 2) * of(rows, dim);
  const ofDrawn = blockBytes(drawn * logits * 4);
  const copies = (guided ? 2 : 1) + (drawn > maxRows ? 1 : 0);
  return layers + streams + copies * ofDrawn + of(drawn, dim);
}

/** Bytes of the most recordings that are kept, none of which is of a larger step. */
export const recordingBytes = (shape: ChameleonDims, size: StepSize): number =>
  Math.min(recordingLimits.bytes, recordingLimits.count * stepBytes(shape, size));

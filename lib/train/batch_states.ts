import type { Chameleon, ChameleonForwardOptions } from '../models/chameleon.ts';
import { cast, type Float } from '../ops/cast.ts';
import { reshape } from '../ops/reshape.ts';
import { count } from '../ops/shapes.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { TokenBatch } from './token_batch.ts';

/** How the transformer runs over a batch. */
export interface BatchStatesOptions extends ChameleonForwardOptions {
  /** `[sequences, styleRows, dim]`, f32 or bf16: what stands in the places of `batch.slots`. */
  readonly style?: Tensor | undefined;
  /** Of the activations; f32 unless told. */
  readonly dtype?: Float | undefined;
}

/**
 * The transformer over a batch of sequences.
 *
 * @returns  `[sequences, tokens, dim]`: what the head reads
 */
export function batchStates(
  model: Chameleon,
  batch: TokenBatch,
  { style, dtype = 'f32', ...options }: BatchStatesOptions = {},
): Tensor {
  const { device } = model.embedding.weight;
  const upload = (values: Int32Array) => device.from(values, [batch.sequences, batch.tokens]);
  const ids = upload(batch.ids);
  const x = style
    ? model.embed(ids, { rows: cast(asRows(style), dtype), slots: upload(batch.slots) })
    : model.embed(ids, { dtype });
  return model.forward(x, upload(batch.positions), options);
}

/** The style rows of all sequences, one after the other. */
export const asRows = (style: Tensor): Tensor =>
  reshape(style, [count(style.shape.slice(0, -1)), style.shape.at(-1)!]);

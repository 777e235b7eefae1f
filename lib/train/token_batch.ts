import { StylearError } from '../error.ts';

/** A sequence to learn from. */
export interface LabelledSequence {
  readonly ids: readonly number[];
  /** As many as ids: the same token where it is to be predicted, else a negative number. */
  readonly labels: readonly number[];
  /** Where the style rows go, in their order; none unless told. Rows without a place are left out. */
  readonly styleIndex?: readonly number[] | undefined;
}

/** Sequences padded on the right to the same length; nothing reaches a token from its right. */
export interface TokenBatch {
  readonly sequences: number;
  readonly tokens: number;
  /** `[sequences, tokens]`, padded with 0. */
  readonly ids: Int32Array;
  /** `[sequences, tokens]` */
  readonly positions: Int32Array;
  /** `[sequences * tokens]`: what each token is to be followed by, or -1. */
  readonly nextLabels: Int32Array;
  /** `[sequences, tokens]`: which row of `[sequences * styleRows]` stands here, or -1. */
  readonly slots: Int32Array;
  /** How many of `nextLabels` count. */
  readonly labelCount: number;
}

/** How sequences become a batch. */
export interface TokenBatchOptions {
  /** Longer sequences are cut; none unless told. */
  readonly maxTokens?: number | undefined;
  /**
   * Rows of a style; as many as a sequence has places for them unless told. Places beyond them keep
   * their own embedding.
   */
  readonly styleRows?: number | undefined;
}

/** @param sequences  at least one */
export function tokenBatch(
  sequences: readonly LabelledSequence[],
  { maxTokens = Number.POSITIVE_INFINITY, styleRows }: TokenBatchOptions = {},
): TokenBatch {
  const longest = Math.max(0, ...sequences.map(({ ids }) => ids.length));
  const tokens = Math.min(longest, maxTokens);
  if (tokens === 0) {
    throw new StylearError('ERR_VALUE', 'tokenBatch: expected sequences to have tokens, got none');
  }
  const count = sequences.length * tokens;
  const ids = new Int32Array(count);
  const positions = Int32Array.from({ length: count }, (_, i) => i % tokens);
  const nextLabels = new Int32Array(count).fill(-1);
  const slots = new Int32Array(count).fill(-1);
  sequences.forEach((sequence, s) => {
    const at = s * tokens;
    if (sequence.labels.length !== sequence.ids.length) {
      throw new StylearError(
        'ERR_VALUE',
        `tokenBatch: expected labels of sequence ${s} to be ${sequence.ids.length}, got ${sequence.labels.length}`,
      );
    }
    ids.set(sequence.ids.slice(0, tokens), at);
    sequence.labels.slice(1, tokens).forEach((label, t) => {
      nextLabels[at + t] = Math.max(label, -1);
    });
    const { styleIndex = [] } = sequence;
    const rows = styleRows ?? styleIndex.length;
    styleIndex.slice(0, rows).forEach((t, row) => {
      if (t < tokens) slots[at + t] = s * rows + row;
    });
  });
  const labelCount = nextLabels.reduce((sum, label) => sum + (label >= 0 ? 1 : 0), 0);
  return { sequences: sequences.length, tokens, ids, positions, nextLabels, slots, labelCount };
}

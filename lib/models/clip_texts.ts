import { StylearError } from '../error.ts';

/** Texts as the text tower of CLIP reads them, padded on the right. */
export interface ClipTexts {
  readonly texts: number;
  readonly tokens: number;
  /** `[texts, tokens]` */
  readonly ids: Int32Array;
  /** `[texts]`: tokens of each, padding not counted. */
  readonly lengths: Int32Array;
  /** `[texts]`: where the end token of each is, counted over all texts. */
  readonly ends: Int32Array;
}

/** The ids by which texts end and are padded. */
export interface ClipTextsOptions {
  /** The id that ends a text; see `endOf`. */
  readonly eosId: number;
  /** What is put behind shorter texts; 0 unless told. No result that is read depends on it. */
  readonly padId?: number | undefined;
}

/**
 * The end token of texts that an older file calls 2, whatever it is: the one of the largest id, which
 * it is in the vocabulary of CLIP.
 */
const unnamedEos = 2;

/**
 * @param sequences  at least one, with an end token each: start token, text, end token
 * @throws `ERR_INPUT` when a text has no end token
 */
export function clipTexts(
  sequences: readonly (readonly number[])[],
  { eosId, padId = 0 }: ClipTextsOptions,
): ClipTexts {
  if (sequences.length === 0) {
    throw new StylearError(
      'ERR_INPUT',
      'clipTexts: expected sequences to be at least one, got none',
    );
  }
  const lengths = Int32Array.from(sequences, ({ length }) => length);
  const tokens = Math.max(...lengths);
  const ids = new Int32Array(sequences.length * tokens).fill(padId);
  const ends = new Int32Array(sequences.length);
  sequences.forEach((sequence, s) => {
    ids.set(sequence, s * tokens);
    ends[s] = s * tokens + endOf(sequence, eosId, s);
  });
  return { texts: sequences.length, tokens, ids, lengths, ends };
}

/** The first end token. */
function endOf(sequence: readonly number[], eosId: number, s: number): number {
  const end = eosId === unnamedEos ? Math.max(...sequence) : eosId;
  const at = sequence.indexOf(end);
  if (at >= 0) return at;
  throw new StylearError(
    'ERR_INPUT',
    `clipTexts: expected sequence ${s} to have the end token ${eosId}, got none in its ` +
      `${sequence.length} tokens`,
  );
}

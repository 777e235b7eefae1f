/** The label of a token that is not to be predicted. */
export const unlabelled = -100;

/** A sequence to learn from. */
export interface Labelled {
  readonly ids: readonly number[];
  /** As many: the id where an answer or the stop after it stands, `unlabelled` elsewhere. */
  readonly labels: readonly number[];
}

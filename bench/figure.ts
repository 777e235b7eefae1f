/** A figure that is no op's: what it says, and the bar it is held against, in words. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly bar: string;
}

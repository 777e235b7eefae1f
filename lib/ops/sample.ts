import type { Tensor } from '../tensor/tensor.ts';
import { extent } from './shapes.ts';

/** What each row of `sample` is drawn with; all of it on the device, so that a step can be replayed. */
export interface SampleOptions {
  /** Like `logits`: the stream without the condition; guidance needs it. */
  readonly uncond?: Tensor | undefined;
  /** `[rows, 2]`, i32: legal tokens, first and one past the last; a range of one forces it. */
  readonly range: Tensor;
  /** `[rows]`, i32: the k largest logits stay, ties kept; 0 keeps all. */
  readonly topK: Tensor;
  /** `[rows, 4]`, f32: guidance, temperature (0 takes the best), topP in (0, 1], minP in [0, 1). */
  readonly settings: Tensor;
  /** `[rows, 2]`, i32: low and high half of each row's seed. */
  readonly seeds: Tensor;
  /** `[rows]`, i32: the absolute position of the token drawn. */
  readonly positions: Tensor;
  /** The token of column 0; 0 unless told. */
  readonly firstToken?: number | undefined;
  /** `[rows]`, i32: where the tokens go; a new tensor unless told. */
  readonly tokens?: Tensor | undefined;
  /** Also return log-probabilities. */
  readonly withLogProbs?: boolean | undefined;
}

/** What `sample` drew. */
export interface Sampled {
  /** `[rows]`, i32. */
  readonly tokens: Tensor;
  /** `[rows]`, f32: of each token among those kept, temperature included; where asked for. */
  readonly logProbs: Tensor | undefined;
}

/**
 * Draws one token per row: guidance `u + s (c - u)` (Ho & Salimans 2022), the legal range, top-k,
 * temperature, top-p, min-p, then the largest of `logit / temperature + Gumbel noise`. The noise is
 * keyed by (seed, position, token), so the same seed and position draw the same token in any batch.
 * What is kept equals what a full sort keeps; a logit that is NaN counts as -Infinity.
 *
 * @param logits  `[rows, width]`, f32 or bf16; column `c` is token `firstToken + c`
 */
export function sample(logits: Tensor, options: SampleOptions): Sampled {
  const { uncond, range, topK, settings, seeds, positions, firstToken = 0 } = options;
  const rows = [extent(logits, 0)];
  const tokens = options.tokens ?? logits.device.tensor(rows, 'i32');
  const logProbs = options.withLogProbs ? logits.device.tensor(rows, 'f32') : undefined;
  logits.device.run('sample', {
    logits,
    uncond,
    range,
    topK,
    settings,
    seeds,
    positions,
    tokens,
    logProbs,
    firstToken,
  });
  return { tokens, logProbs };
}

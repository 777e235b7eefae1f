import type { Chameleon } from '../models/chameleon.ts';
import { KvCache } from '../models/kv_cache.ts';
import { cast, type Float } from '../ops/cast.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { asRows } from './batch_states.ts';
import { Draws } from './draws.ts';
import type { LabelledSequence } from './token_batch.ts';

/** What is drawn, and from which seed. */
export interface DrawSamplesOptions {
  /** Ids that are drawn, where a sequence is labelled with one: first and one past the last. */
  readonly codes: readonly [number, number];
  /** `[sequences, styleRows, dim]`, f32 */
  readonly style?: Tensor | undefined;
  /** Of the activations; f32 unless told. */
  readonly dtype?: Float | undefined;
  /** In [0, 2^53). */
  readonly seed: number;
}

const pageTokens = 16;

/**
 * What a model writes in the place of the codes of sequences: drawn at temperature 1 from all codes,
 * without guidance. Everything else stays as it is given. It is for a look now and then: one token of
 * each sequence at a time.
 *
 * @param sequences  at least one
 * @returns          the ids of each
 */
export async function drawSamples(
  model: Chameleon,
  sequences: readonly LabelledSequence[],
  { codes: [first, end], style, dtype = 'f32', seed }: DrawSamplesOptions,
): Promise<number[][]> {
  const { device } = model.embedding.weight;
  const { layers, kvHeads, headDim } = model.shape;
  const count = sequences.length;
  const longest = Math.max(...sequences.map(({ ids }) => ids.length));
  const pagesOfEach = Math.ceil(longest / pageTokens);
  const shape = { layers, kvHeads, headDim, pages: count * pagesOfEach, pageTokens };
  using cache = new KvCache(device, shape, dtype);
  const head = model.head.restricted(first, end);
  const written = sequences.map(({ ids }) => [...ids]);
  const isDrawn = (s: number, t: number) => {
    const label = sequences[s]!.labels[t] ?? -1;
    return label >= first && label < end;
  };
  const draws = new Draws(seed, 0);
  const upload = (values: readonly number[], ...shape: number[]) =>
    device.from(Int32Array.from(values), shape);
  try {
    for (let t = 0; t + 1 < longest; t++) {
      const step = scope(() => {
        const ids = upload(
          written.map((own) => own[t] ?? 0),
          count,
          1,
        );
        const styled = style && {
          rows: cast(asRows(style), dtype),
          slots: upload(slotsAt(sequences, style.shape[1]!, t), count, 1),
        };
        const x = model.embed(ids, styled ?? { dtype });
        const hidden = model.decode(x, cache, {
          positions: upload(new Array<number>(count).fill(t), count, 1),
          lengths: upload(new Array<number>(count).fill(t + 1), count),
          table: upload([...Array(count * pagesOfEach).keys()], count, pagesOfEach),
        });
        return head.forward(hidden);
      });
      const drawn = [...sequences.keys()].filter((s) => isDrawn(s, t + 1));
      const logits = drawn.length > 0 ? await step.read() : undefined;
      step.dispose();
      for (const s of drawn) {
        const own = logits!.subarray(s * (end - first), (s + 1) * (end - first));
        written[s]![t + 1] = first + drawOne(own, draws, (t * count + s) * own.length);
      }
    }
  } finally {
    head.dispose();
  }
  return written;
}

/** Which style row each sequence has at a place, or -1. */
const slotsAt = (sequences: readonly LabelledSequence[], rows: number, t: number): number[] =>
  sequences.map(({ styleIndex = [] }, s) => {
    const row = styleIndex.indexOf(t);
    return row < 0 || row >= rows ? -1 : s * rows + row;
  });

/** The largest of logits with Gumbel noise: one of them as likely as the softmax says. */
function drawOne(logits: ArrayLike<number>, draws: Draws, index: number): number {
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (let code = 0; code < logits.length; code++) {
    const value = logits[code]! - Math.log(-Math.log(draws.uniform('sample', index + code)));
    if (value > most) [best, most] = [code, value];
  }
  return best;
}

import { pictureOf } from '../with_tokens.ts';
import { type SampleKind, worldSamples } from '../world/samples.ts';
import type { Candidates } from './candidates.ts';

/** Which pictures of the world are candidates. */
export interface WorldCandidatesOptions {
  readonly count: number;
  /** Pictures before the first one, 0 or more. */
  readonly first: number;
  /** Pixels a side. */
  readonly size: number;
}

/** Pictures of the picture world that training may see; see `worldSamples`. */
export const worldCandidates = (
  kind: SampleKind,
  { count, first, size }: WorldCandidatesOptions,
): Candidates => ({
  length: count,
  identity: 'picture world',
  async at(index) {
    const samples = worldSamples(kind, { count: 1, first: first + index, size });
    const { value } = await samples.next();
    if (!value) throw new Error('unreachable: there is one');
    const { key, caption, style } = value;
    return { key, caption, style, picture: await pictureOf(value) };
  },
  [Symbol.dispose]() {},
});

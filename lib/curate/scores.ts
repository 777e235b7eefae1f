// What a candidate is judged by.
import type { Picture } from '../image/picture.ts';
import type { Candidate } from './candidates/candidates.ts';
import { type ClipEmbedder, cosine } from './clip_embedder.ts';
import { colourOverlap } from './colour_overlap.ts';
import { differenceHash } from './difference_hash.ts';

/** Cosines are those of CLIP, in [-1, 1], and are there where a CLIP is given. */
export interface Scores {
  /** Of picture and caption: CLIP-T. */
  readonly text?: number | undefined;
  /** Of picture and reference: CLIP-I. */
  readonly style?: number | undefined;
  /** How much picture and reference have of the same colours, in [0, 1]. */
  readonly colours?: number | undefined;
  /**
   * Cosine of picture and the reference's subject, less that of picture and caption: above 0 the picture
   * shows the subject of its reference rather than its own.
   */
  readonly leakage?: number | undefined;
  /** See `differenceHash`. */
  readonly hash: string;
}

/** What is scored of a candidate. */
export type Scored = Pick<Candidate, 'caption' | 'picture' | 'reference'>;

/**
 * The scores of some candidates, at once. A reference that several have is embedded for each.
 *
 * @param clip  without it there are no cosines
 */
export async function scoresOf(
  candidates: readonly Scored[],
  clip: ClipEmbedder | undefined,
): Promise<Scores[]> {
  const cosines = clip ? await cosinesOf(candidates, clip) : [];
  return candidates.map(({ picture, reference }, i) => ({
    ...cosines[i],
    colours: reference && colourOverlap(picture, reference.picture),
    hash: differenceHash(picture),
  }));
}

async function cosinesOf(
  candidates: readonly Scored[],
  clip: ClipEmbedder,
): Promise<Pick<Scores, 'text' | 'style' | 'leakage'>[]> {
  const references = candidates.flatMap(({ reference }) => reference ?? []);
  const pictures = await clip.pictures(candidates.map(({ picture }) => picture));
  const captions = await clip.texts(candidates.map(({ caption }) => caption));
  const styles = await clip.pictures(references.map(({ picture }): Picture => picture));
  const subjects = await clip.texts(references.map(({ subject }) => subject));
  return candidates.map(({ reference }, i) => {
    const text = cosine(pictures[i]!, captions[i]!);
    if (!reference) return { text };
    const r = references.indexOf(reference);
    const leakage = cosine(pictures[i]!, subjects[r]!) - text;
    return { text, style: cosine(pictures[i]!, styles[r]!), leakage };
  });
}

// Which pictures are asked for: styles that training never saw, each by a reference picture, and
// prompts that name other subjects than the references show (StyleAR, arXiv 2505.19874, evaluates 10
// styles by 20 prompts).
import { type Content, captionOf } from '../curate/world/content.ts';
import {
  drawStyleOf,
  evaluationSeed,
  heldOutFamilies,
  type StyleSplit,
} from '../curate/world/held_out.ts';
import { randomOf } from '../curate/world/random.ts';
import { subjectMask } from '../curate/world/references.ts';
import { render } from '../curate/world/render.ts';
import { drawStyle } from '../curate/world/styles/draw_style.ts';
import type { Style } from '../curate/world/styles/style.ts';
import { drawStylised } from '../curate/world/stylised.ts';
import { subjects } from '../curate/world/subjects/subjects.ts';
import { cutOut } from '../image/background.ts';
import type { Picture } from '../image/picture.ts';

/** The ways in which a style is new to a model. */
export const splits = ['held-out parameters', 'held-out family'] as const;
/** One of `splits`. */
export type EvaluatedSplit = Extract<StyleSplit, (typeof splits)[number]>;

/** How much is asked for. */
export interface ProtocolSize {
  /** Styles of a split, and prompts: at most as many together as there are subjects. */
  readonly styles: number;
  readonly prompts: number;
  /** Pixels a side. */
  readonly size: number;
}

/** A style, and the picture that tells a model of it. */
export interface EvaluatedStyle {
  readonly split: EvaluatedSplit;
  readonly style: Style;
  /** What the reference shows, which no prompt asks for. */
  readonly subject: string;
  readonly reference: Picture;
  /** The reference's subject cut out. */
  readonly cutOut: Picture;
}

/** A prompt, and the subject that a classifier is to find in its picture. */
export interface EvaluatedPrompt {
  readonly subject: string;
  readonly prompt: string;
}

/** The place of a picture: which style, which prompt, and which picture of these, from 0. */
export interface Place {
  readonly style: number;
  readonly prompt: number;
  readonly seed: number;
}

/** The styles of a split with their references. */
export function evaluatedStyles(
  split: EvaluatedSplit,
  { styles, size }: ProtocolSize,
): Promise<EvaluatedStyle[]> {
  const names = shuffledSubjects();
  return Promise.all(
    Array.from({ length: styles }, async (_, i): Promise<EvaluatedStyle> => {
      const seed = evaluationSeed(splits.indexOf(split) * 1000 + i);
      // Every held-out family in turn: a draw could leave one out.
      const family = heldOutFamilies[i % heldOutFamilies.length]!;
      const style =
        split === 'held-out family' ? drawStyle(seed, family) : drawStyleOf(split, seed);
      const content = one(names[i]!);
      const [reference, mask] = await Promise.all([
        render(drawStylised(style, content, seed), size),
        render(subjectMask(content, seed), size),
      ]);
      return { split, style, subject: content.subject, reference, cutOut: cutOut(reference, mask) };
    }),
  );
}

/** The prompts, the same for every style. */
export const evaluatedPrompts = ({ styles, prompts }: ProtocolSize): EvaluatedPrompt[] =>
  shuffledSubjects()
    .slice(styles, styles + prompts)
    .map((subject, i) => ({ subject, prompt: captionOf(one(subject), evaluationSeed(i)) }));

/** The seed of a picture: no two of a split have the same, nor two of the pictures from outside. */
export function seedOf({ style, prompt, seed }: Place): number {
  const [block, inBlock] = [Math.floor(prompt / 64), prompt % 64];
  return evaluationSeed(((block * 4096 + style) * 64 + inBlock) * 128 + seed);
}

/** What the picture world itself draws for a prompt in a style: the most that can be hoped for. */
export const drawnByWorld = (
  { style }: EvaluatedStyle,
  { subject }: EvaluatedPrompt,
  place: Place,
  size: number,
): Promise<Picture> => render(drawStylised(style, one(subject), seedOf(place)), size);

/** Places of so many pictures for each style and prompt, those of the first seed first. */
export const placesOf = (styles: number, prompts: number, seeds: number): Place[] =>
  upTo(seeds).flatMap((seed) =>
    upTo(styles).flatMap((style) => upTo(prompts).map((prompt) => ({ style, prompt, seed }))),
  );

const one = (subject: string): Content => ({ subject, count: 1, size: 'middle' });

/** All subjects in an order of the protocol's own. */
function shuffledSubjects(): string[] {
  const random = randomOf(0, 'evaluation subjects');
  const keyed = subjects.map(({ name }) => ({ name, key: random.uniform(0, 1) }));
  return keyed.sort((a, b) => a.key - b.key).map(({ name }) => name);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

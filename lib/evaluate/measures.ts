// What is measured of pictures whose reference and prompt are known.
import { type ClipEmbedder, cosine } from '../curate/clip_embedder.ts';
import { subjects } from '../curate/world/subjects/subjects.ts';
import type { Picture } from '../image/picture.ts';
import { type Figure, figureOf, shareFigureOf } from './figures.ts';
import { paletteDistance } from './palette.ts';
import type { EvaluatedPrompt, EvaluatedStyle, Place } from './protocol.ts';
import { choosesOwn, type StyleStatistics, styleStatistics } from './style_measure.ts';
import { likeliest, type SubjectClassifier } from './subject_classifier.ts';

/** The figures of a table, with what each says. Shares are in [0, 1]. */
export const measures = {
  style: 'closer in palette and texture to its own reference than to that of another style',
  subject: 'the classifier names the subject of the prompt',
  leakage: 'the classifier names the subject of the reference that the model was shown',
  trace:
    'the classifier finds the subject of the reference that the model was shown likelier than that of ' +
    'another one, which it does half the time where nothing of the reference is seen',
  palette: 'distance of its colours from those of its reference',
  clipText: 'CLIP-T: cosine of picture and prompt',
  clipImage: 'CLIP-I: cosine of picture and reference',
} as const;
/** A measure by its name, such as `style` or `palette`. */
export type Measure = keyof typeof measures;
/** A figure for each measure that was taken; those of CLIP only where there is a CLIP. */
export type Figures = Readonly<Partial<Record<Measure, Figure>>>;

/** What pictures are judged by: no model was trained with the classifier, CLIP is optional. */
export interface Judges {
  readonly classifier: SubjectClassifier;
  readonly clip: ClipEmbedder | undefined;
}

/** A split as judges see it: what belongs to its references and prompts is computed once. */
export class JudgedSplit {
  private readonly styles: readonly EvaluatedStyle[];
  private readonly prompts: readonly EvaluatedPrompt[];
  private readonly judges: Judges;
  private readonly references: readonly StyleStatistics[];
  private readonly vectors:
    | { readonly references: Float32Array[]; readonly prompts: Float32Array[] }
    | undefined;

  private constructor(
    styles: readonly EvaluatedStyle[],
    prompts: readonly EvaluatedPrompt[],
    judges: Judges,
    vectors: JudgedSplit['vectors'],
  ) {
    this.styles = styles;
    this.prompts = prompts;
    this.judges = judges;
    this.references = styles.map(({ reference }) => styleStatistics(reference));
    this.vectors = vectors;
  }

  static async of(
    styles: readonly EvaluatedStyle[],
    prompts: readonly EvaluatedPrompt[],
    judges: Judges,
  ): Promise<JudgedSplit> {
    const vectors = judges.clip && {
      references: await judges.clip.pictures(styles.map(({ reference }) => reference)),
      prompts: await judges.clip.texts(prompts.map(({ prompt }) => prompt)),
    };
    return new JudgedSplit(styles, prompts, judges, vectors);
  }

  /**
   * Style is judged by the reference that a place has, leakage by the one that the model was shown.
   *
   * @param pictures  one for each place
   * @param shown     which reference the model was shown for one of them; undefined for none, where
   *                  the subject of its own one is looked for: what is named by chance
   */
  async measure(
    places: readonly Place[],
    pictures: readonly Picture[],
    shown: (style: number) => number | undefined = (style) => style,
  ): Promise<Figures> {
    const { classifier, clip } = this.judges;
    const scores = await classifier.score(pictures);
    const named = scores.map(likeliest);
    const vectors = clip && (await embedded(clip, pictures));
    const statistics = pictures.map(styleStatistics);
    const observed = (measured: (place: Place, i: number) => number) =>
      places.map((place, i) => ({ cluster: place.style, value: measured(place, i) }));
    const over = (measured: (place: Place, i: number) => number) => figureOf(observed(measured));
    const share = (measured: (place: Place, i: number) => number) =>
      shareFigureOf(observed(measured));
    const seen = (style: number) => shown(style) ?? style;
    return {
      style: share(({ style }, i) => this.shareOfChoices(statistics[i]!, style)),
      subject: share(({ prompt }, i) => Number(named[i] === this.prompts[prompt]!.subject)),
      leakage: share(({ style }, i) => Number(named[i] === this.styles[seen(style)]!.subject)),
      trace: share(({ style }, i) => this.traceOf(scores[i]!, seen(style))),
      palette: over(({ style }, i) =>
        paletteDistance(statistics[i]!.palette, this.references[style]!.palette),
      ),
      ...(vectors && {
        clipText: over(({ prompt }, i) => cosine(vectors[i]!, this.vectors!.prompts[prompt]!)),
        clipImage: over(({ style }, i) => cosine(vectors[i]!, this.vectors!.references[style]!)),
      }),
    };
  }

  /** Against the reference of every other style of the split in turn. */
  private shareOfChoices(result: StyleStatistics, style: number): number {
    return shareOfOthers(this.references, style, (own, other) => choosesOwn(result, own, other));
  }

  private traceOf(scores: Float32Array, style: number): number {
    const found = this.styles.map(({ subject }) => scores[places.get(subject)!]!);
    return shareOfOthers(found, style, (own, other) => own > other);
  }
}

/** Where the classifier's subjects stand. */
const places: ReadonlyMap<string, number> = new Map(subjects.map(({ name }, i) => [name, i]));

/** How many of the other ones, of which there is one at least, `chosen` prefers its own one to. */
export function shareOfOthers<T>(
  all: readonly T[],
  own: number,
  chosen: (own: T, other: T) => boolean,
) {
  const others = all.filter((_, i) => i !== own);
  return others.filter((other) => chosen(all[own]!, other)).length / others.length;
}

/** In parts, so that the activations of a few pictures alone are there at once. */
export async function embedded(
  clip: ClipEmbedder,
  pictures: readonly Picture[],
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (let at = 0; at < pictures.length; at += 32)
    vectors.push(...(await clip.pictures(pictures.slice(at, at + 32))));
  return vectors;
}

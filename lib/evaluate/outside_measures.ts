// What is measured of pictures in the styles of references from outside, whose subjects nobody knows.
import { type ClipEmbedder, cosine } from '../curate/clip_embedder.ts';
import type { Picture } from '../image/picture.ts';
import { type Figure, figureOf, harmonicFigureOf, shareFigureOf } from './figures.ts';
import { embedded, shareOfOthers } from './measures.ts';
import { paletteDistance, paletteStatistics } from './palette.ts';
import type { Place } from './protocol.ts';

/** The figures of pictures from outside, with what each says. Shares are in [0, 1]. */
export const outsideMeasures = {
  clipText: 'cosine of picture and prompt by CLIP',
  clipImage: 'cosine of picture and reference by CLIP',
  harmonic: 'harmonic mean of CLIP-T and CLIP-I',
  clipChoice: 'closer by CLIP to its own reference than to another one',
  palette: 'distance of its colours from those of its reference',
  otherPalette: 'distance of its colours from those of the others',
  paletteChoice: 'closer in colours to its own reference than to another one',
} as const;
/** A measure of pictures from outside by its name, such as `clipText` or `palette`. */
export type OutsideMeasure = keyof typeof outsideMeasures;
const shares: ReadonlySet<OutsideMeasure> = new Set(['clipChoice', 'paletteChoice']);
/**
 * A figure for each measure that was taken: those of CLIP only where there is a CLIP, comparisons with
 * other references only where there are any.
 */
export type OutsideFigures = Readonly<Partial<Record<OutsideMeasure, Figure>>>;

/** What a picture measures, a number for each measure; the harmonic mean is one of means. */
type Measured = Readonly<Partial<Record<Exclude<OutsideMeasure, 'harmonic'>, number>>>;

/** A picture that was measured, and where it belongs. */
export interface MeasuredPicture {
  readonly place: Place;
  readonly measured: Measured;
}

/** What is computed of a picture whatever it is compared with. */
interface Seen {
  readonly palette: Float64Array;
  /** Of length 1; undefined without a CLIP. */
  readonly vector: Float32Array | undefined;
}

/** References and prompts as CLIP and colours have them, which is computed once. */
export class JudgedReferences {
  private readonly clip: ClipEmbedder | undefined;
  private readonly references: readonly Seen[];
  /** Empty without a CLIP. */
  private readonly prompts: readonly Float32Array[];

  private constructor(
    clip: ClipEmbedder | undefined,
    references: readonly Seen[],
    prompts: readonly Float32Array[],
  ) {
    this.clip = clip;
    this.references = references;
    this.prompts = prompts;
  }

  /** @param clip  has both towers */
  static async of(
    references: readonly Picture[],
    prompts: readonly string[],
    clip: ClipEmbedder | undefined,
  ): Promise<JudgedReferences> {
    const vectors = clip ? await embeddedTexts(clip, prompts) : [];
    return new JudgedReferences(clip, await seen(references, clip), vectors);
  }

  /** @param pictures  one for each place */
  async measure(
    places: readonly Place[],
    pictures: readonly Picture[],
  ): Promise<MeasuredPicture[]> {
    const all = await seen(pictures, this.clip);
    return places.map((place, i) => ({ place, measured: this.compare(all[i]!, place) }));
  }

  /** The same of mere copies of the references. */
  measureCopies(places: readonly Place[]): MeasuredPicture[] {
    return places.map((place) => {
      return { place, measured: this.compare(this.references[place.style]!, place) };
    });
  }

  private compare({ palette, vector }: Seen, { style, prompt }: Place): Measured {
    const far = this.references.map((reference) => paletteDistance(palette, reference.palette));
    const near = vector && this.references.map((reference) => cosine(vector, reference.vector!));
    const byClip = near && {
      clipText: cosine(vector, this.prompts[prompt]!),
      clipImage: near[style]!,
    };
    const own = { ...byClip, palette: far[style]! };
    const others = this.references.length - 1;
    if (others === 0) return own;
    return {
      ...own,
      ...(near && { clipChoice: shareOfOthers(near, style, (mine, other) => mine > other) }),
      otherPalette: (far.reduce((sum, distance) => sum + distance, 0) - own.palette) / others,
      paletteChoice: shareOfOthers(far, style, (mine, other) => mine < other),
    };
  }
}

async function seen(pictures: readonly Picture[], clip: ClipEmbedder | undefined): Promise<Seen[]> {
  const vectors = clip && (await embedded(clip, pictures));
  return pictures.map((picture, i) => {
    return { palette: paletteStatistics(picture), vector: vectors?.[i] };
  });
}

/**
 * The figures of pictures.
 *
 * @param pictures  at least one, all of them measured in the same way
 * @param cluster   what pictures have in common that depend on each other
 */
export function outsideFigures(
  pictures: readonly MeasuredPicture[],
  cluster: 'style' | 'prompt',
): OutsideFigures {
  const names = Object.keys(outsideMeasures) as OutsideMeasure[];
  const taken = pictures[0]!.measured;
  const figure = (name: OutsideMeasure): Figure | undefined => {
    if (name === 'harmonic') {
      if (taken.clipText === undefined) return undefined;
      return harmonicFigureOf(
        pictures.map(({ place, measured: { clipText, clipImage } }) => {
          return { cluster: place[cluster], values: [clipText!, clipImage!] };
        }),
      );
    }
    if (taken[name] === undefined) return undefined;
    const of = shares.has(name) ? shareFigureOf : figureOf;
    return of(
      pictures.map(({ place, measured }) => {
        return { cluster: place[cluster], value: measured[name]! };
      }),
    );
  };
  const figures = names.map((name) => [name, figure(name)] as const);
  return Object.fromEntries(figures.filter(([, taken]) => taken !== undefined));
}

/** In parts, as pictures are. */
async function embeddedTexts(
  clip: ClipEmbedder,
  texts: readonly string[],
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (let at = 0; at < texts.length; at += 64)
    vectors.push(...(await clip.texts(texts.slice(at, at + 64))));
  return vectors;
}

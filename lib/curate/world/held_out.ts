import { StylearError } from '../../error.ts';
import { hashOf } from './random.ts';
import { drawStyle } from './styles/draw_style.ts';
import { families } from './styles/families.ts';
import type { Style } from './styles/style.ts';
import { subjects } from './subjects/subjects.ts';

/**
 * What never enters training, so that evaluation may ask for what was not seen:
 *
 * - whole families of styles ({@link heldOutFamilies});
 * - of the other families, ranges of parameters: hues of [25, 45) and [205, 225) degrees, and
 *   scales of [0.45, 0.55), which is a fifth of all styles;
 * - of the other families, one in 16 pairs of a subject and a family, by a hash of their names;
 * - one in 16 seeds, of everything.
 */
export const heldOutFamilies = [
  'sticker',
  'art deco',
  'pointillism',
  'linocut',
  'delft tile',
  'cross stitch',
  'pastel',
] as const;

/** The families that training sees. */
export const trainingFamilies: readonly string[] = families
  .map(({ name }) => name)
  .filter((name) => !isHeldOutFamily(name));

/** Whether training never sees a family. */
export function isHeldOutFamily(family: string): boolean {
  return heldOutFamilies.some((name) => name === family);
}

/** Whether parameters lie in a range that training does not see. */
export const isHeldOutParameters = ({ hue, scale }: Style['parameters']): boolean =>
  (hue >= 25 && hue < 45) || (hue >= 205 && hue < 225) || (scale >= 0.45 && scale < 0.55);

/** Whether training never shows this subject in this family, though it shows both. */
export const isHeldOutPair = (subject: string, family: string): boolean =>
  hashOf(`${subject} in ${family}`) % 16 === 0;

/** Whether training may show this subject in this style. */
export const isForTraining = (style: Style, subject: string): boolean =>
  !isHeldOutFamily(style.family) &&
  !isHeldOutParameters(style.parameters) &&
  !isHeldOutPair(subject, style.family);

const share = 16;

/** Whether a seed belongs to evaluation. */
export const isHeldOutSeed = (seed: number): boolean => seed % share === share - 1;

/** The seed of the `index`th picture of training, from 0. */
export const trainingSeed = (index: number): number => index + Math.floor(index / (share - 1));

/** The seed of the `index`th picture of evaluation, from 0. */
export const evaluationSeed = (index: number): number => index * share + share - 1;

/** The styles that a draw can be asked for. */
export type StyleSplit = 'training' | 'held-out parameters' | 'held-out family';

/**
 * The style of a seed within a split.
 *
 * @param subject  a style of training is one in which training may show it
 */
export function drawStyleOf(split: StyleSplit, seed: number, subject?: string): Style {
  // A draw fits with a probability of at least 0.15: none of 500 does not come up.
  for (let attempt = 0; attempt < 500; attempt++) {
    const style = drawStyle(mixed(seed, attempt));
    if (fits(style, split, subject)) return style;
  }
  throw new StylearError(
    'ERR_VALUE',
    `drawStyleOf: expected split to be one that has styles, got ${split}`,
  );
}

function fits(style: Style, split: StyleSplit, subject: string | undefined): boolean {
  const family = isHeldOutFamily(style.family);
  const parameters = isHeldOutParameters(style.parameters);
  if (split === 'held-out family') return family;
  if (family) return false;
  if (split === 'held-out parameters') return parameters;
  return !parameters && (subject === undefined || !isHeldOutPair(subject, style.family));
}

/** A seed of its own for every attempt, in [0, 2^53). */
const mixed = (seed: number, attempt: number): number =>
  attempt === 0 ? seed : hashOf(`${seed} ${attempt}`) * 2 ** 21 + attempt;

/** The pairs of a subject and a training family that training never shows. */
export const heldOutPairs = (): { readonly subject: string; readonly family: string }[] =>
  subjects.flatMap(({ name: subject }) =>
    trainingFamilies
      .filter((family) => isHeldOutPair(subject, family))
      .map((family) => ({ subject, family })),
  );

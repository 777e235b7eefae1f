import type { GenerateRequest } from '../generate/request.ts';
import type { StyleHandle } from '../generate/style_handle.ts';
import type { StyleAR } from '../generate/stylear.ts';
import type { Picture } from '../image/picture.ts';

/** How a model is asked. Style-enhanced tokens are those with noise and without the subject. */
export const modelVariants = [
  'full',
  'without style-enhanced tokens',
  'without noise',
  'without subject subtraction',
  'without style tokens',
  'shuffled reference',
] as const;
/** One of `modelVariants`. */
export type ModelVariant = (typeof modelVariants)[number];

/** What is shown beside models: a result that is nothing but style, and the most there can be. */
export const yardsticks = ['copy of the reference', 'world drawing'] as const;

/** A picture that tells a model of a style. */
export interface Reference {
  readonly reference: Picture;
  /** Its subject cut out, where that is known. */
  readonly cutOut?: Picture | undefined;
}

/** The style tokens of a reference. */
export interface EncodedStyle {
  readonly whole: StyleHandle;
  readonly withoutSubject: StyleHandle;
}

/** The style tokens of a reference, with its subject in them and, where that is known, with it faded. */
export async function encodeReference(
  stylear: StyleAR,
  { reference, cutOut }: Reference,
): Promise<EncodedStyle> {
  const whole = await stylear.encodeStyle(reference);
  if (!cutOut) return { whole, withoutSubject: whole };
  return {
    whole,
    withoutSubject: await stylear.encodeStyle({ picture: reference, subject: cutOut }),
  };
}

/**
 * Which of so many references a model is shown for one of them.
 *
 * @returns undefined for none
 */
export function shownReference(
  variant: ModelVariant,
  style: number,
  count: number,
): number | undefined {
  if (variant === 'without style tokens') return undefined;
  return variant === 'shuffled reference' ? (style + 1) % count : style;
}

/**
 * What a variant asks for.
 *
 * @param encoded  of every style of the split
 * @param style    which of them it is
 */
export function variantRequest(
  variant: ModelVariant,
  encoded: readonly EncodedStyle[],
  style: number,
): Pick<GenerateRequest, 'style' | 'noiseStrength'> {
  const shown = shownReference(variant, style, encoded.length);
  if (variant === 'without style tokens' || shown === undefined) return {};
  const { whole, withoutSubject } = encoded[shown]!;
  switch (variant) {
    case 'full':
    case 'shuffled reference':
      return { style: withoutSubject };
    case 'without style-enhanced tokens':
      return { style: whole, noiseStrength: 0 };
    case 'without noise':
      return { style: withoutSubject, noiseStrength: 0 };
    case 'without subject subtraction':
      return { style: whole };
  }
}

import type { GenerateRequest } from '../generate/request.ts';
import type { StyleHandle } from '../generate/style_handle.ts';
import type { StyleAR } from '../generate/stylear.ts';
import type { EvaluatedStyle } from './protocol.ts';

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

/** The style tokens of a reference. */
export interface EncodedStyle {
  readonly whole: StyleHandle;
  readonly withoutSubject: StyleHandle;
}

/** The style tokens of a reference, with its subject in them and with its subject faded. */
export async function encodeReference(
  stylear: StyleAR,
  { reference, cutOut }: EvaluatedStyle,
): Promise<EncodedStyle> {
  return {
    whole: await stylear.encodeStyle(reference),
    withoutSubject: await stylear.encodeStyle({ picture: reference, subject: cutOut }),
  };
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
  const { whole, withoutSubject } = encoded[style]!;
  switch (variant) {
    case 'full':
      return { style: withoutSubject };
    case 'without style-enhanced tokens':
      return { style: whole, noiseStrength: 0 };
    case 'without noise':
      return { style: withoutSubject, noiseStrength: 0 };
    case 'without subject subtraction':
      return { style: whole };
    case 'without style tokens':
      return {};
    case 'shuffled reference':
      return { style: encoded[(style + 1) % encoded.length]!.withoutSubject };
  }
}

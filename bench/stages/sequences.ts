/** Sentences with pictures as the transformer of the embedded model is given them. */

import path from 'node:path';

import { readChameleonConfig } from '../../lib/models/config/chameleon.ts';
import { codeShape, gridOfPixels, imageTokens } from '../../lib/text/image_tokens.ts';
import { Tokenizer } from '../../lib/text/tokenizer.ts';
import { chameleonLayoutOf, type PictureLayout, vocabularyOf } from '../../lib/text/vocabulary.ts';
import { type ConditionedExample, conditionedExample } from '../../lib/train/conditioning.ts';
import { Draws } from '../../lib/train/draws.ts';
import type { Drawing } from './drawings.ts';
import { networkOf } from './stage.ts';

/** Of the pictures, pixels. */
export const side = 64;

/**
 * Sequences with codes at random, all with the longest caption: a batch is padded to that, and so every
 * batch is as much work.
 *
 * @param captions  of a batch
 * @param kind      the sentence; `plain` says how large the picture is
 */
export function sequencesOf(
  root: string,
  layout: PictureLayout,
  captions: readonly Drawing[],
  kind: 'plain' | 'style',
): ConditionedExample[] {
  const tokenizer = Tokenizer.open(path.join(root, 'models', 'tiny', 'tokenizer.json'));
  const { vocabulary: size } = readChameleonConfig(networkOf(root, 'transformer'));
  const vocabulary = vocabularyOf(tokenizer.ids, chameleonLayoutOf(layout), size);
  const grid = gridOfPixels(vocabulary, { width: side, height: side });
  const { rows, columns } = codeShape(vocabulary, grid);
  const given = kind === 'plain' ? { width: side, height: side } : {};
  const length = ({ caption }: Drawing) => tokenizer.encode(caption).length;
  const longest = captions.reduce((a, b) => (length(b) > length(a) ? b : a));
  return captions.map((_, i) => {
    const draws = new Draws(i, 0);
    const codes = Array.from({ length: rows * columns }, (_, place) =>
      draws.below(layout.codes, 'sample', place),
    );
    const image = imageTokens(vocabulary, grid, codes);
    const content = { prompt: longest.caption, ...given };
    return conditionedExample(tokenizer, vocabulary, kind, content, image);
  });
}

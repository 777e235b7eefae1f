// What a sequence is conditioned on, and how parts of that are left out now and then, so that the model
// knows what guidance asks it: pictures of no caption, of no style, and of nothing at all.
import { unlabelled } from '../text/labels.ts';
import { answeredPrompt, mostCharacters, promptOf } from '../text/prompt.ts';
import type { PromptContent, PromptKind } from '../text/prompt_template.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import type { LabelledSequence } from './token_batch.ts';

/** A picture to be written, with less and less said about it. */
export interface ConditionedExample {
  /** With the caption and, where there is one, the style. */
  readonly whole: LabelledSequence;
  /** With the style alone. */
  readonly withoutCaption: LabelledSequence;
  /** The picture from its start on, at position 0: what the unconditional stream of guidance sees. */
  readonly imageOnly: LabelledSequence;
}

/** How often what is left out. Each in [0, 1], their sum too. */
export interface ConditioningDropout {
  /** The placeholders keep their own embeddings; 0.05 unless told. */
  readonly style?: number | undefined;
  /** 0.05 unless told. */
  readonly caption?: number | undefined;
  /** Everything; 0.05 unless told. */
  readonly everything?: number | undefined;
}

/**
 * An example of a caption and a picture. Of a caption that is longer than a prompt may be the beginning is
 * taken; how many tokens all of it may have is for `tokenBatch` to say.
 *
 * @param content  what the sentence has places for; its prompt is the caption
 * @param image    tokens of the picture, from its start to its end
 */
export function conditionedExample(
  tokenizer: Tokenizer,
  vocabulary: Vocabulary,
  kind: PromptKind,
  content: PromptContent,
  image: readonly number[],
): ConditionedExample {
  const answered = (prompt: string | undefined) => {
    const given = { ...content, prompt };
    const options = { allowEmpty: true, maxTokens: Number.POSITIVE_INFINITY };
    const question = promptOf(tokenizer, vocabulary, kind, given, options);
    return answeredPrompt(vocabulary, question, image);
  };
  // The size is given to the unconditional stream, and not asked of it.
  const labels = image.map((id, i) => (i < 3 ? unlabelled : id));
  return {
    whole: answered(content.prompt && beginning(content.prompt)),
    withoutCaption: answered(''),
    imageOnly: { ids: image, labels },
  };
}

/** As much as a prompt may have, and no half of a pair of surrogates. */
const beginning = (caption: string): string =>
  caption.length > mostCharacters
    ? caption.slice(0, mostCharacters).replace(/[\uD800-\uDBFF]$/, '')
    : caption;

/** @param draw  in [0, 1) */
export function withDropout(
  { whole, withoutCaption, imageOnly }: ConditionedExample,
  { style = 0.05, caption = 0.05, everything = 0.05 }: ConditioningDropout,
  draw: number,
): LabelledSequence {
  if (draw < everything) return imageOnly;
  if (draw < everything + caption) return withoutCaption;
  if (draw < everything + caption + style) return { ...whole, styleIndex: undefined };
  return whole;
}

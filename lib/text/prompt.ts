import { StylearError } from '../error.ts';
import { type Labelled, unlabelled } from './labels.ts';
import {
  fillTemplate,
  type PromptContent,
  type PromptKind,
  styledText,
} from './prompt_template.ts';
import type { Tokenizer } from './tokenizer.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What a model is asked. */
export interface Prompt {
  /** From the begin of the sequence to the stop that ends the question. */
  readonly ids: readonly number[];
  /** Where in `ids` the style rows go, in their order; empty without style. */
  readonly styleIndex: readonly number[];
}

/** The most UTF-16 units of what the user writes, unless told. */
export const mostCharacters = 4096;

/** How long a prompt may be. */
export interface PromptOptions {
  /** The most ids; 4,096, for which the released models were trained, unless told. */
  readonly maxTokens?: number | undefined;
  /** The most UTF-16 units of what the user writes; `mostCharacters`, 4,096, unless told. */
  readonly maxCharacters?: number | undefined;
  /** Take a prompt without text too, as training does where it leaves captions out. */
  readonly allowEmpty?: boolean | undefined;
}

/**
 * The ids of a question. Special tokens, style placeholders among them, come from the sentence and the
 * picture alone: a `*`, `<racm3:break>` or `<|image|>` in the user's prompt is text.
 *
 * @throws `ERR_INPUT` for a prompt that is empty, too long or not well-formed, and for content that
 *         the sentence lacks or has no place for
 */
export function promptOf(
  tokenizer: Tokenizer,
  vocabulary: Vocabulary,
  kind: PromptKind,
  content: PromptContent,
  { maxTokens = 4096, maxCharacters = mostCharacters, allowEmpty = false }: PromptOptions = {},
): Prompt {
  if (content.prompt !== undefined) requirePrompt(content.prompt, maxCharacters, allowEmpty);
  const ids = vocabulary.begin === undefined ? [] : [vocabulary.begin];
  for (const part of fillTemplate(kind, content))
    for (const id of typeof part === 'string' ? tokenizer.encode(part) : part) ids.push(id);
  ids.push(vocabulary.stop);
  if (ids.length > maxTokens) {
    const advice = 'Shorten the prompt, or take a smaller image.';
    throw wrong(`of at most ${maxTokens} tokens`, `${ids.length}. ${advice}`);
  }
  return { ids, styleIndex: styleIndexOf(tokenizer, vocabulary, kind, ids) };
}

/**
 * The places of the sentence's own placeholders. They are before anything a user writes, so that they
 * are the first; how many they are depends on the tokenizer, which may make one token of `*.`.
 */
function styleIndexOf(
  tokenizer: Tokenizer,
  { stylePlaceholder }: Vocabulary,
  kind: PromptKind,
  ids: readonly number[],
): number[] {
  const text = styledText(kind);
  if (text === '') return [];
  const places = (ids: readonly number[]) =>
    ids.flatMap((id, place) => (id === stylePlaceholder ? [place] : []));
  const count = places(tokenizer.encode(text)).length;
  if (count === 0)
    throw wrong('with style placeholders', 'none. Use the tokenizer of the style model.');
  return places(ids).slice(0, count);
}

/** A question and its answer, to learn the answer from: its ids and the stop after it. */
export function answeredPrompt(
  { stop }: Vocabulary,
  prompt: Prompt,
  answer: readonly number[],
): Prompt & Labelled {
  const labels = [...prompt.ids.map(() => unlabelled), ...answer, stop];
  return { ids: [...prompt.ids, ...answer, stop], labels, styleIndex: prompt.styleIndex };
}

function requirePrompt(prompt: string, maxCharacters: number, allowEmpty: boolean): void {
  if (prompt.trim() === '' && !allowEmpty) throw wrong('some text', 'none');
  if (prompt.length > maxCharacters)
    throw wrong(`of at most ${maxCharacters} characters`, `${prompt.length}`);
  if (/\p{Surrogate}/u.test(prompt)) throw wrong('well-formed Unicode', 'half a surrogate pair');
  // The PNG that says what a picture was made of has no place for it.
  if (prompt.includes('\0')) throw wrong('without NUL', `one at ${prompt.indexOf('\0')}`);
}

const wrong = (expected: string, got: string): StylearError =>
  new StylearError('ERR_INPUT', `prompt: expected the prompt to be ${expected}, got ${got}`);

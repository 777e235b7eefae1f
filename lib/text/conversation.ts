// Conversations as the training data has them: turns of text with `<|image|>` for each picture.
import { StylearError } from '../error.ts';
import { type Labelled, unlabelled } from './labels.ts';
import { imageSymbol } from './prompt_template.ts';
import type { Tokenizer } from './tokenizer.ts';
import type { Vocabulary } from './vocabulary.ts';

/** One turn. Questions and answers alternate; an answer yet to be given is null. */
export interface Turn {
  readonly from: 'human' | 'gpt';
  readonly value: string | null;
}

/** A conversation with its pictures. */
export interface Conversation {
  readonly turns: readonly Turn[];
  /**
   * Tokens of each picture, from its start to its end, in the order of the symbols. Without a symbol
   * in any turn they come first, each with a space behind it.
   */
  readonly images?: readonly (readonly number[])[] | undefined;
}

/** How the texts of a conversation become ids. */
export interface ConversationOptions {
  /**
   * Take names of added tokens in the texts for these tokens, as the reference does; text is text
   * unless told.
   */
  readonly special?: boolean | undefined;
}

/**
 * The ids of a conversation, for the answer that follows.
 *
 * @throws `ERR_INPUT` when roles do not alternate from `human` on, an answer but the last is null, or
 *         there are not as many symbols as pictures
 */
export function conversationIds(
  tokenizer: Tokenizer,
  vocabulary: Vocabulary,
  conversation: Conversation,
  options: ConversationOptions = {},
): number[] {
  return [...labelled(tokenizer, vocabulary, conversation, options).ids];
}

/**
 * The ids of a conversation and which of them are to be predicted: those of answers, the stops after
 * them included.
 *
 * @throws `ERR_INPUT` as `conversationIds`, and when there is no answer
 */
export function labelledConversation(
  tokenizer: Tokenizer,
  vocabulary: Vocabulary,
  conversation: Conversation,
  options: ConversationOptions = {},
): Labelled {
  const result = labelled(tokenizer, vocabulary, conversation, options);
  if (result.labels.every((label) => label === unlabelled)) throw wrong('an answer', 'none');
  return result;
}

function labelled(
  tokenizer: Tokenizer,
  vocabulary: Vocabulary,
  { turns, images = [] }: Conversation,
  { special = false }: ConversationOptions,
): Labelled {
  requireTurns(turns);
  const texts = withSymbols(turns, images.length);
  const encode = (text: string) =>
    special ? tokenizer.encodeWithSpecial(text) : tokenizer.encode(text);
  let used = 0;
  const ids = vocabulary.begin === undefined ? [] : [vocabulary.begin];
  const labels = ids.map(() => unlabelled);
  texts.forEach((text, turn) => {
    if (text === null) return;
    const answer = turns[turn]!.from === 'gpt';
    const tokens = text
      .split(imageSymbol)
      .flatMap((piece, i) => [...(i > 0 ? images[used++]! : []), ...encode(piece)]);
    for (const id of [...tokens, vocabulary.stop]) {
      ids.push(id);
      labels.push(answer ? id : unlabelled);
    }
  });
  return { ids, labels };
}

function requireTurns(turns: readonly Turn[]): void {
  if (turns.length === 0) throw wrong('a turn', 'none');
  turns.forEach(({ from, value }, i) => {
    const role = i % 2 === 0 ? 'human' : 'gpt';
    if (from !== role) throw wrong(`${role} in turn ${i}`, from);
    if (value === null && (role === 'human' || i < turns.length - 1))
      throw wrong(`a text in turn ${i}`, 'null');
  });
}

/** The texts, with as many symbols as there are pictures. */
function withSymbols(turns: readonly Turn[], images: number): (string | null)[] {
  const texts = turns.map(({ value }) => value);
  const symbols = texts.reduce((sum, text) => sum + (text ?? '').split(imageSymbol).length - 1, 0);
  if (symbols === 0) texts[0] = `${imageSymbol} `.repeat(images) + texts[0];
  else if (symbols !== images)
    throw wrong(`as many ${imageSymbol} as pictures, ${images}`, `${symbols}`);
  return texts;
}

const wrong = (expected: string, got: string): StylearError =>
  new StylearError('ERR_INPUT', `conversation: expected the turns to have ${expected}, got ${got}`);

import { z } from 'zod';
import { StylearError } from '../error.ts';
import {
  type Conversation,
  type ConversationOptions,
  conversationIds,
  labelledConversation,
} from '../text/conversation.ts';
import type { Labelled } from '../text/labels.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import { type Check, compareExactly } from './check.ts';
import type { Fixture } from './fixture.ts';

/**
 * The tokens of a picture of the fixture, its marks included.
 *
 * @param image   such as `land.png`
 * @param offset  of the crop: left and top, pixels
 */
export type PictureTokens = (
  image: string,
  offset: readonly [number, number],
) => Promise<readonly number[]>;

const file = 'conversations.json';

const resultSchema = z.object({
  ids: z.array(z.int()).optional(),
  labels: z.array(z.int()).optional(),
  error: z.string().optional(),
});

const conversationsSchema = z.object({
  rows: z.array(
    z.object({
      name: z.string(),
      conversations: z.array(
        z.object({ from: z.enum(['human', 'gpt']), value: z.string().nullable() }),
      ),
      images: z.array(z.string()),
      /** Of each picture's crop, one behind the other. */
      offsets: z.array(z.int()).default([]),
      training: resultSchema,
      inference: resultSchema,
    }),
  ),
});

/** Conversations to ids and labels, or refused where the reference refuses them. */
export async function* checkConversations(
  fixture: Fixture,
  tokenizer: Tokenizer,
  vocabulary: Vocabulary,
  pictureTokens: PictureTokens,
): AsyncGenerator<Check> {
  const options: ConversationOptions = { special: true };
  for (const row of conversationsSchema.parse(fixture.json(file)).rows) {
    const images: (readonly number[])[] = [];
    for (const [i, image] of row.images.entries()) {
      const [left = 0, top = 0] = row.offsets.slice(2 * i);
      images.push(await pictureTokens(image, [left, top]));
    }
    const conversation: Conversation = { turns: row.conversations, images };
    const name = `${file}:${row.name}`;
    const train = () => labelledConversation(tokenizer, vocabulary, conversation, options);
    const infer = () => ({ ids: conversationIds(tokenizer, vocabulary, conversation, options) });
    yield compareResult(`${name}.training`, train, row.training);
    yield compareResult(`${name}.inference`, infer, row.inference);
  }
}

function compareResult(
  name: string,
  run: () => Partial<Labelled>,
  want: z.infer<typeof resultSchema>,
): Check {
  let got: Partial<Labelled>;
  try {
    got = run();
  } catch (error) {
    if (!(error instanceof StylearError) || error.code !== 'ERR_INPUT') throw error;
    // The classes of the reference's errors are its own.
    return compareExactly(name, 'refused', want.error === undefined ? want.ids : 'refused');
  }
  return compareExactly(name, [got.ids, got.labels], [want.ids, want.labels]);
}

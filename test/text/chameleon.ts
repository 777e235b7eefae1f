// Chameleon's vocabulary without Chameleon's file: its ids, few merges.
import { Tokenizer } from '../../lib/text/tokenizer.ts';
import { chameleonLayout, vocabularyOf } from '../../lib/text/vocabulary.ts';
import { inMemory } from '../../lib/weights/byte_source.ts';
import { chameleonTokenizer } from './small_tokenizer.ts';

export const tokenizer = Tokenizer.read(
  inMemory('tokenizer.json', Buffer.from(JSON.stringify(chameleonTokenizer()))),
);
export const vocabulary = vocabularyOf(tokenizer.ids, chameleonLayout);

import { describe, expect, test } from 'vitest';
import { conversationIds, labelledConversation, type Turn } from '../../lib/text/conversation.ts';
import { imageTokens } from '../../lib/text/image_tokens.ts';
import { Tokenizer } from '../../lib/text/tokenizer.ts';
import { tokenizer, vocabulary } from './chameleon.ts';
import { golden, goldenJson, goldenPath } from './golden.ts';

const one = imageTokens(vocabulary, { height: 1, width: 1 }, [1, 2, 3, 4]);
const two = imageTokens(vocabulary, { height: 1, width: 1 }, [5, 6, 7, 8]);
const human = (value: string | null): Turn => ({ from: 'human', value });
const gpt = (value: string | null): Turn => ({ from: 'gpt', value });
const say = (text: string) => tokenizer.encode(text);
const silent = (ids: readonly number[]) => ids.map(() => -100);

const idsOf = (
  turns: readonly Turn[],
  images: readonly (readonly number[])[] = [],
  special = false,
) => conversationIds(tokenizer, vocabulary, { turns, images }, { special });

describe('a conversation', () => {
  test('is the begin, then each text and a stop', () => {
    expect(idsOf([human('one'), gpt('two'), human(' three')])).toEqual([
      ...[0, ...say('one'), 8710],
      ...[...say('two'), 8710],
      ...[...say(' three'), 8710],
    ]);
  });

  test('ends where the answer is to come', () => {
    expect(idsOf([human('one'), gpt(null)])).toEqual([0, ...say('one'), 8710]);
  });

  test('has pictures where their symbols are, in order', () => {
    expect(idsOf([human('a <|image|> b'), gpt('<|image|>')], [one, two])).toEqual([
      ...[0, ...say('a '), ...one, ...say(' b'), 8710],
      ...[...two, 8710],
    ]);
  });

  test('has pictures before the question where there is no symbol', () => {
    expect(idsOf([human('b'), gpt('c')], [one, two])).toEqual([
      ...[0, ...one, ...say(' '), ...two, ...say(' b'), 8710],
      ...[...say('c'), 8710],
    ]);
  });

  test('is labelled where answers and their stops are', () => {
    const turns = [human('q <|image|>'), gpt('a <|image|>'), human('r'), gpt('')];
    const { ids, labels } = labelledConversation(tokenizer, vocabulary, {
      turns,
      images: [one, two],
    });
    const question = [0, ...say('q '), ...one, 8710];
    const answer = [...say('a '), ...two, 8710];
    const last = [...say('r'), 8710];
    expect(ids).toEqual([...question, ...answer, ...last, 8710]);
    expect(labels).toEqual([...silent(question), ...answer, ...silent(last), 8710]);
  });

  test('takes names of special tokens for text, unless told', () => {
    const turns = [human('<racm3:break>')];
    expect(idsOf(turns)).toEqual([0, ...say('<racm3:break>'), 8710]);
    expect(idsOf(turns, [], true)).toEqual([0, 8197, 8710]);
  });

  test.each<[string, readonly Turn[], number, string]>([
    ['no turns', [], 0, 'a turn, got none'],
    ['an answer first', [gpt('x')], 0, 'human in turn 0, got gpt'],
    ['two questions', [human('x'), human('y')], 0, 'gpt in turn 1, got human'],
    ['no question', [human(null)], 0, 'a text in turn 0, got null'],
    ['no answer in between', [human('x'), gpt(null), human('y')], 0, 'a text in turn 1, got null'],
    [
      'a symbol too many',
      [human('<|image|><|image|>')],
      1,
      'as many <|image|> as pictures, 1, got 2',
    ],
    [
      'a symbol without a picture',
      [human('<|image|>')],
      0,
      'as many <|image|> as pictures, 0, got 1',
    ],
    ['a picture too many', [human('<|image|>')], 2, 'as many <|image|> as pictures, 2, got 1'],
  ])('with %s is refused', (_, turns, images, message) => {
    const make = () => idsOf(turns, [one, two].slice(0, images));
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_INPUT' }));
    expect(make).toThrow(`conversation: expected the turns to have ${message}`);
  });

  test('takes no symbol from two turns together', () => {
    const turns = [human('<|im'), gpt('age|>')];
    expect(idsOf(turns)).toEqual([0, ...say('<|im'), 8710, ...say('age|>'), 8710]);
  });

  test('without an answer has nothing to learn from', () => {
    const turns = [human('x'), gpt(null)];
    const make = () => labelledConversation(tokenizer, vocabulary, { turns });
    expect(make).toThrow('conversation: expected the turns to have an answer, got none');
  });
});

describe.skipIf(!golden)('of the golden fixtures', () => {
  interface Result {
    readonly error?: string;
    readonly ids?: readonly number[];
    readonly labels?: readonly number[];
  }
  interface Row {
    readonly name: string;
    readonly conversations: readonly Turn[];
    readonly images: readonly string[];
    readonly training: Result;
    readonly inference: Result;
  }
  const { rows }: { rows: readonly Row[] } = golden
    ? goldenJson('items', 'conversations.json')
    : { rows: [] };

  /** Pictures in the order of their tokens. */
  const picturesIn = (ids: readonly number[] = []) =>
    ids.flatMap((id, at) =>
      id === vocabulary.imageStart ? [ids.slice(at, ids.indexOf(vocabulary.imageEnd, at) + 1)] : [],
    );

  test.each(rows)('the row $name has its ids and labels, or its error', (row) => {
    const file = Tokenizer.open(goldenPath('tokenizer/hf/tokenizer.json'));
    const pictures = picturesIn(row.inference.ids);
    const images = row.images.map((_, i) => pictures[i] ?? one);
    const conversation = { turns: row.conversations, images };
    const options = { special: true };
    const train = () => labelledConversation(file, vocabulary, conversation, options);
    const infer = () => conversationIds(file, vocabulary, conversation, options);
    if (row.training.error) expect(train).toThrow('conversation: expected');
    else expect(train()).toEqual({ ids: row.training.ids, labels: row.training.labels });
    if (row.inference.error) expect(infer).toThrow('conversation: expected');
    else expect(infer()).toEqual(row.inference.ids);
  });
});

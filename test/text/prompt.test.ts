import { describe, expect, test } from 'vitest';
import { imageTokens } from '../../lib/text/image_tokens.ts';
import { answeredPrompt, promptOf } from '../../lib/text/prompt.ts';
import type { PromptContent, PromptKind } from '../../lib/text/prompt_template.ts';
import { Tokenizer } from '../../lib/text/tokenizer.ts';
import { inMemory } from '../../lib/weights/byte_source.ts';
import { tokenizer, vocabulary } from './chameleon.ts';
import { golden, goldenJson, goldenPath } from './golden.ts';
import { chameleonTokenizer } from './small_tokenizer.ts';

const image = imageTokens(vocabulary, { height: 1, width: 1 }, [1, 2, 3, 4]);
const size = { width: 768, height: 512 };
const of = (kind: PromptKind, content: PromptContent) =>
  promptOf(tokenizer, vocabulary, kind, content);

/** The text between begin and stop, with `<|image|>` for the picture. */
function textOf(ids: readonly number[]): string {
  const inner = ids.slice(1, -1);
  const at = inner.indexOf(vocabulary.imageStart);
  if (at < 0) return tokenizer.decode(inner);
  const end = inner.indexOf(vocabulary.imageEnd) + 1;
  expect(inner.slice(at, end)).toEqual(image);
  return `${tokenizer.decode(inner.slice(0, at))}<|image|>${tokenizer.decode(inner.slice(end))}`;
}

const style =
  'Instant style Generation. Given image style is S* S* S* S* S* S* S* S* S* S* S* S* S* S* S* S*.';

describe('a prompt', () => {
  test.each<[PromptKind, PromptContent, string]>([
    [
      'style',
      { prompt: 'a tiny ship' },
      `${style} Please generate an same style image according to my instruction: a tiny ship`,
    ],
    [
      'styleAndImage',
      { prompt: 'a tiny ship', image },
      `${style} Please generate an image according to the provided image <|image|> and according to my instruction: a tiny ship`,
    ],
    [
      'plain',
      { prompt: 'a tiny ship', ...size },
      'Generate an image of 768x512 according to the following prompt:\na tiny ship',
    ],
    [
      'image',
      { prompt: 'a tiny ship', image },
      'Generate an image according to the provided image, and according to the following caption:\na tiny ship <|image|>',
    ],
    ['depth', { image }, 'Depth estimation. <|image|>'],
    ['segmentation', { image }, 'Segmentic segmentation. <|image|>'],
    ['normals', { image }, 'Surface normal estimation. <|image|>'],
    ['pose', { image }, 'Human pose estimation. <|image|>'],
    ['detection', { prompt: 'dog', image }, 'Detect: dog <|image|>'],
  ])('of %s with %o says what the model was trained on', (kind, content, text) => {
    const { ids } = of(kind, content);
    expect(ids[0]).toBe(0);
    expect(ids.at(-1)).toBe(8710);
    expect(textOf(ids)).toBe(text);
  });

  test('is written as one text, so that words reach over its seams', () => {
    const { ids } = of('style', { prompt: "it's" });
    expect(ids).toEqual([
      0,
      ...tokenizer.encode(
        `${style} Please generate an same style image according to my instruction: it's`,
      ),
      8710,
    ]);
  });

  test('has its style rows at the placeholders of the sentence alone', () => {
    const { ids, styleIndex } = of('style', { prompt: 'a * b ** c S*' });
    const places = ids.flatMap((id, place) => (id === 16_393 ? [place] : []));
    expect(places.length).toBe(20);
    expect(styleIndex).toEqual(places.slice(0, 16));
    expect(of('plain', { prompt: 'S* S*', ...size }).styleIndex).toEqual([]);
  });

  test('has fewer style rows where the tokenizer joins the last placeholder with the stop', () => {
    const json = chameleonTokenizer();
    const vocab = { ...json.model.vocab, '*.': Object.keys(json.model.vocab).length };
    const joining = {
      ...json,
      pre_tokenizer: json.decoder,
      model: { ...json.model, vocab, merges: ['* .'] },
    };
    const other = Tokenizer.read(inMemory('t', Buffer.from(JSON.stringify(joining))));
    const { styleIndex } = promptOf(other, vocabulary, 'style', { prompt: 'a *' });
    expect(styleIndex.length).toBe(15);
  });

  test.each(['<racm3:break>', '<|image|>', '{prompt}', '{image}', '<reserved08706>', 'IMGIMGBCDZ'])(
    'takes %s from a user for text',
    (text) => {
      const { ids } = of('styleAndImage', { prompt: text, image });
      const special = ids.filter((id) => tokenizer.isSpecial(id));
      expect(special).toEqual([0, ...image, 8710]);
      expect(textOf(ids)).toContain(`according to my instruction: ${text}`);
    },
  );

  test.each<[string, PromptKind, PromptContent, string]>([
    ['nothing', 'style', { prompt: '' }, 'the prompt to be some text, got none'],
    ['space', 'style', { prompt: ' \n' }, 'the prompt to be some text, got none'],
    [
      'too much text',
      'style',
      { prompt: 'x'.repeat(4097) },
      'the prompt to be of at most 4096 characters, got 4097',
    ],
    [
      'too many tokens',
      'style',
      { prompt: '\u{1f63a}'.repeat(2000) },
      'the prompt to be of at most 4096 tokens, got ',
    ],
    [
      'half a character',
      'style',
      { prompt: 'a\ud800' },
      'the prompt to be well-formed Unicode, got half a surrogate pair',
    ],
    ['NUL', 'style', { prompt: 'a\0b' }, 'the prompt to be without NUL, got one at 1'],
    ['no prompt', 'style', {}, 'content to have the prompt that style has a place for, got none'],
    ['no picture', 'depth', {}, 'content to have the image that depth has a place for, got none'],
    [
      'no size',
      'plain',
      { prompt: 'x' },
      'content to have the width that plain has a place for, got none',
    ],
    [
      'a size',
      'style',
      { prompt: 'x', ...size },
      'content to have no width, which style has no place for, got one',
    ],
    [
      'a picture',
      'style',
      { prompt: 'x', image },
      'content to have no image, which style has no place for, got one',
    ],
  ])('with %s is refused', (_, kind, content, message) => {
    const make = () => of(kind, content);
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_INPUT' }));
    expect(make).toThrow(`prompt: expected ${message}`);
  });

  test('may be without text where captions are left out', () => {
    const { ids } = promptOf(tokenizer, vocabulary, 'style', { prompt: '' }, { allowEmpty: true });
    expect(textOf(ids).endsWith('according to my instruction: ')).toBe(true);
  });

  test('for a tokenizer without placeholders is refused', () => {
    const other = { ...vocabulary, stylePlaceholder: undefined };
    expect(() => promptOf(tokenizer, other, 'style', { prompt: 'x' })).toThrow(
      'expected the prompt to be with style placeholders, got none. Use the tokenizer of the style model.',
    );
  });

  test('with its answer is labelled where the answer and the stop are', () => {
    const prompt = of('style', { prompt: 'a' });
    const { ids, labels, styleIndex } = answeredPrompt(vocabulary, prompt, image);
    expect(ids).toEqual([...prompt.ids, ...image, 8710]);
    expect(labels).toEqual([...prompt.ids.map(() => -100), ...image, 8710]);
    expect(styleIndex).toEqual(prompt.styleIndex);
  });
});

describe.skipIf(!golden)('of the golden fixtures', () => {
  interface Run {
    readonly name: string;
    readonly prompt: string;
    readonly condition_image: string | null;
    readonly prompt_ids: readonly number[];
    readonly style_index: readonly [readonly number[]];
  }
  const runs: readonly Run[] = golden ? goldenJson('e2e', 'runs.json') : [];

  test.each(runs)('the run $name has its ids and its style rows', (run) => {
    const file = Tokenizer.open(goldenPath('tokenizer/hf/tokenizer.json'));
    const at = run.prompt_ids.indexOf(vocabulary.imageStart);
    const end = run.prompt_ids.indexOf(vocabulary.imageEnd) + 1;
    const { ids, styleIndex } =
      run.condition_image === null
        ? promptOf(file, vocabulary, 'style', { prompt: run.prompt })
        : promptOf(file, vocabulary, 'styleAndImage', {
            prompt: run.prompt,
            image: run.prompt_ids.slice(at, end),
          });
    expect(ids).toEqual(run.prompt_ids);
    expect(styleIndex).toEqual(run.style_index[0]);
  });
});

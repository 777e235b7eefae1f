import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GeneratedPart, partsOf, textOfParts } from '../../lib/text/generated.ts';
import { imageTokens } from '../../lib/text/image_tokens.ts';
import { tokenizer, vocabulary } from './chameleon.ts';
import { golden, goldenJson } from './golden.ts';

const { imageStart, imageEnd, newLine, stop } = vocabulary;
const grid = { height: 1, width: 2 };
const codes = [7, 0, 8191, 3, 4, 5, 6, 1];
const picture = imageTokens(vocabulary, grid, codes);
/** The picture with another token in a place. */
const changed = (place: number, id: number) =>
  picture.map((token, i) => (i === place ? id : token));
const image = { kind: 'image', grid, codes: Int32Array.from(codes) };
const broken = (fault: string, ids: readonly number[], of?: object) => ({
  kind: 'broken image',
  fault,
  grid: of,
  ids,
});
const text = (...ids: readonly number[]) => ({ kind: 'text', ids });

describe('what a model wrote', () => {
  test.each<[string, readonly number[], readonly object[]]>([
    ['nothing', [], []],
    ['text', [16_400, 16_401], [text(16_400, 16_401)]],
    ['a picture', picture, [image]],
    ['a picture and the stop', [...picture, stop], [image, text(stop)]],
    [
      'pictures among text',
      [16_400, ...picture, ...picture, 16_401],
      [text(16_400), image, image, text(16_401)],
    ],
    [
      'a start at the end',
      [16_400, imageStart],
      [text(16_400), broken('unfinished', [imageStart])],
    ],
    ['a start and a height', [imageStart, 8805], [broken('unfinished', [imageStart, 8805])]],
    ['a picture cut off', picture.slice(0, 9), [broken('unfinished', picture.slice(0, 9), grid)]],
    [
      'a picture cut off before its end',
      picture.slice(0, -1),
      [broken('unfinished', picture.slice(0, -1), grid)],
    ],
    [
      'a picture cut off by the stop',
      [...picture.slice(0, 9), stop],
      [broken('unfinished', picture.slice(0, 9), grid), text(stop)],
    ],
    [
      'a picture cut off by another',
      [...picture.slice(0, 9), ...picture],
      [broken('unfinished', picture.slice(0, 9), grid), image],
    ],
    ['a height of 0', changed(1, 8804), [broken('size', changed(1, 8804))]],
    ['a width that is text', changed(2, 16_400), [broken('size', changed(2, 16_400))]],
    ['a picture without a size', [imageStart, imageEnd], [broken('size', [imageStart, imageEnd])]],
    ['text for a code', changed(4, 16_400), [broken('token', changed(4, 16_400), grid)]],
    ['a code for a new line', changed(7, 4), [broken('token', changed(7, 4), grid)]],
    [
      'an early end',
      [...picture.slice(0, 8), imageEnd, 16_400],
      [broken('token', [...picture.slice(0, 8), imageEnd], grid), text(16_400)],
    ],
    [
      'a late end',
      [...picture.slice(0, -1), newLine, imageEnd],
      [broken('token', [...picture.slice(0, -1), newLine, imageEnd], grid)],
    ],
    ['an end without a start', [imageEnd, 16_400], [text(imageEnd, 16_400)]],
  ])('is parted: %s', (_, ids, parts) => {
    expect(partsOf(vocabulary, ids)).toEqual(parts);
  });

  test('is in its parts, whole and in order, whatever it is', () => {
    const token = fc.constantFrom(imageStart, imageEnd, newLine, stop, 8804, 8805, 8806, 4, 16_400);
    const piece = fc.oneof(
      token.map((id) => [id]),
      fc.constant(picture),
    );
    const idsOf = (part: GeneratedPart) =>
      part.kind === 'image' ? imageTokens(vocabulary, part.grid, part.codes) : part.ids;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const ids = pieces.flat();
        expect(partsOf(vocabulary, ids).flatMap(idsOf)).toEqual(ids);
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  test('has its text, with a symbol for each picture and without the stop', () => {
    const say = (line: string) => tokenizer.encode(line);
    const written = (...ids: readonly number[]) =>
      textOfParts(tokenizer, vocabulary, partsOf(vocabulary, ids));
    expect(written(...say('see: '), ...picture, ...say(' ok'), stop)).toBe('see: <|image|> ok');
    expect(written(...picture, stop)).toBe('<|image|>');
    expect(written(...picture.slice(0, 5))).toBe('<|image|>');
    expect(written(...say('a'), stop, ...say('b'))).toBe('a<reserved08706>b');
  });
});

describe.skipIf(!golden)('of the golden fixtures', () => {
  interface Run {
    readonly name: string;
    readonly tokens: readonly number[];
    readonly grid_h_w: readonly [number, number];
    readonly decoded_text: string;
  }
  const runs: readonly Run[] = golden ? goldenJson('e2e', 'runs.json') : [];

  test.each(runs)('the run $name has its picture and its text', (run) => {
    const {
      tokens,
      grid_h_w: [height, width],
      decoded_text,
    } = run;
    const parts = partsOf(vocabulary, tokens);
    expect(parts).toEqual([
      expect.objectContaining({ kind: 'image', grid: { height, width } }),
      text(stop),
    ]);
    expect(textOfParts(tokenizer, vocabulary, parts)).toBe(decoded_text);
  });
});

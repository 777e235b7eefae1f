import { describe, expect, test } from 'vitest';
import { Tokenizer } from '../../lib/text/tokenizer.ts';
import {
  chameleonLayout,
  codeName,
  codeOf,
  gridUnitsOf,
  lumina2Layout,
  vocabularyOf,
} from '../../lib/text/vocabulary.ts';
import { openFile } from '../../lib/weights/byte_source.ts';
import { decode } from '../../lib/weights/element_values.ts';
import { readSafetensors } from '../../lib/weights/safetensors.ts';
import { readElements } from '../../lib/weights/stored_tensor.ts';
import { tokenizer, vocabulary } from './chameleon.ts';
import { golden, goldenJson, goldenPath } from './golden.ts';

const names = tokenizer.ids;

/** The names with some of their ids changed; -1 takes a name away. */
function changed(changes: Readonly<Record<string, number>>): Map<string, number> {
  const ids = new Map([...names, ...Object.entries(changes)]);
  for (const [name, id] of ids) if (id < 0) ids.delete(name);
  return ids;
}

describe('the vocabulary of Chameleon', () => {
  test('has its tokens where the released models have them', () => {
    expect(vocabulary).toMatchObject({
      begin: 0,
      imageStart: 8197,
      imageEnd: 8196,
      newLine: 8803,
      stop: 8710,
      stylePlaceholder: 16_393,
      codes: [4, 8196],
      grid: 8804,
      size: tokenizer.size,
    });
  });

  test('has code c at id c + 4', () => {
    expect([...vocabulary.codeIds]).toEqual(Array.from({ length: 8192 }, (_, code) => code + 4));
    expect([3, 4, 127, 8195, 8196].map((id) => codeOf(vocabulary, id))).toEqual([
      undefined,
      0,
      123,
      8191,
      undefined,
    ]);
  });

  test('has sides from 1 to 128 grid units', () => {
    expect([8804, 8805, 8828, 8932, 8933].map((id) => gridUnitsOf(vocabulary, id))).toEqual([
      undefined,
      1,
      24,
      128,
      undefined,
    ]);
  });

  test('names codes by their digits', () => {
    expect([0, 9, 10, 123, 8191].map(codeName)).toEqual([
      'IMGIMGAZ',
      'IMGIMGJZ',
      'IMGIMGBAZ',
      'IMGIMGBCDZ',
      'IMGIMGIBJBZ',
    ]);
  });

  test('goes by names where ids are in another order', () => {
    const shuffled = Array.from({ length: 8192 }, (_, code): [string, number] => [
      codeName(code),
      4 + ((code * 3001 + 17) % 8192),
    ]);
    const { codeIds, codesById, codes } = vocabularyOf(
      new Map([...names, ...shuffled]),
      chameleonLayout,
    );
    expect(codes).toEqual([4, 8196]);
    expect(codeIds[2]).toBe(4 + ((2 * 3001 + 17) % 8192));
    expect(Array.from(codeIds, (id) => codesById[id - 4])).toEqual([...codeIds.keys()]);
  });

  test.each<[string, Readonly<Record<string, number>>, string]>([
    [
      'no image start',
      { '<racm3:break>': -1 },
      'the start of an image <racm3:break>, got none of that name',
    ],
    ['no code 123', { IMGIMGBCDZ: -1 }, 'the code IMGIMGBCDZ, got none of that name'],
    [
      'a code elsewhere',
      { IMGIMGBCDZ: 16_000 },
      'codes of 8192 ids in a row, got 16000 for code 123',
    ],
    ['two codes of one id', { IMGIMGBCDZ: 5 }, 'codes of 8192 ids in a row, got 5 for code 123'],
    [
      'an end that is a code',
      { '<eoss>': 4 },
      'an id of its own for the end of an image, got 4, a code',
    ],
    [
      'an end that is the start',
      { '<eoss>': 8197 },
      'an id of its own for the end of an image, got 8197, the start of an image',
    ],
    [
      'a grid size elsewhere',
      { '<reserved08803>': 16_000 },
      'grid sizes of ids in a row, got 16000 for 3 units',
    ],
    [
      'no grid size',
      { '<reserved08928>': -1 },
      'the grid size <reserved08928>, got none of that name',
    ],
  ])('with %s is refused', (_, changes, message) => {
    const read = () => vocabularyOf(changed(changes), chameleonLayout);
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_INPUT' }));
    expect(read).toThrow(`vocabulary: expected the names to have ${message}`);
  });

  test('of a model with fewer logits is refused', () => {
    expect(() => vocabularyOf(names, chameleonLayout, 16_393)).toThrow(
      'the style placeholder * below 16393, got 16393',
    );
  });
});

test('the vocabulary of Lumina-mGPT 2.0 has 16,384 codes in a row, and its end is the stop', () => {
  const ids = new Map(
    Array.from({ length: 128 }, (_, i) => [`<reserved0${8801 + i}>`, 151_671 + i]),
  );
  expect(vocabularyOf(ids, lumina2Layout, 171_385)).toMatchObject({
    begin: undefined,
    imageEnd: 151_666,
    stop: 151_666,
    codes: [155_000, 171_384],
    grid: 151_670,
    codesPerUnit: 4,
    stylePlaceholder: undefined,
  });
});

describe.skipIf(!golden)('of the golden fixtures', () => {
  function values(file: string): Record<string, number[]> {
    using source = openFile(goldenPath('tokenizer', file));
    const { tensors } = readSafetensors(source);
    return Object.fromEntries(
      [...tensors].map(([name, tensor]) => [
        name,
        [...decode(tensor.dtype, readElements(source, tensor))!],
      ]),
    );
  }
  const hf = () => Tokenizer.open(goldenPath('tokenizer/hf/tokenizer.json')).ids;

  test('the ids of codes are those of their names', () => {
    const { codeIds, codesById } = vocabularyOf(hf(), chameleonLayout);
    const expected = values('image_codes.safetensors');
    expect([...codeIds]).toEqual(expected.code_to_id);
    expect([...codesById]).toEqual(expected.id_minus_4_to_code);
  });

  test('the ids of shuffled names too', () => {
    const shuffled = Object.entries<number>(goldenJson('tokenizer', 'shuffled_vocab.json'));
    const { codeIds, codesById } = vocabularyOf(new Map([...hf(), ...shuffled]), chameleonLayout);
    const expected = values('shuffled_image_codes.safetensors');
    expect([...codeIds]).toEqual(expected.code_to_id);
    expect([...codesById]).toEqual(expected.id_minus_4_to_code);
  });

  test.each([
    ['a tokenizer.json', hf],
    [
      'the original tokenizer',
      () => Tokenizer.open(goldenPath('tokenizer/chameleon/tokenizer/text_tokenizer.json')).ids,
    ],
    [
      'the vocabulary_map of a config',
      () =>
        new Map<string, number>(Object.entries(goldenJson('e2e/ckpt/config.json').vocabulary_map)),
    ],
  ])('%s has the special tokens', (_, ids) => {
    const special = goldenJson('tokenizer', 'special_ids.json');
    const vocabulary = vocabularyOf(ids(), chameleonLayout);
    expect(vocabulary).toMatchObject({
      begin: special.begin_sequence,
      imageStart: special.begin_image,
      imageEnd: special.end_image,
      newLine: special.new_line,
      stop: special.end_turn,
      stylePlaceholder: special.style_placeholder,
      grid: special.grid_token_of_1 - 1,
    });
    expect(vocabulary.codeIds.length).toBe(special.n_image_tokens);
  });
});

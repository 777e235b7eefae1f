import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readChameleonConfig } from '../../../lib/models/config/chameleon.ts';
import { fixturesFolder, hasFixture } from '../../support/fixtures.ts';
import { processorMs } from '../../support/processor_ms.ts';
import { temporaryFolder } from './folder.ts';

const { path: folder, write } = temporaryFolder();
const file = join(folder, 'config.json');

/** The sizes of Lumina-mGPT 7B at 768 pixels. */
const lumina = {
  model_type: 'chameleon',
  vocab_size: 65536,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  mask_image_logits: false,
};

const read = (change: Record<string, unknown> = {}) => {
  write('config.json', { ...lumina, ...change });
  return readChameleonConfig(folder);
};

describe('readChameleonConfig', () => {
  test('gives the sizes by our names', () => {
    expect(read({ vocabulary_map: { '<s>': 0, IMGIMGAZ: 4 }, torch_dtype: 'bfloat16' })).toEqual({
      vocabulary: 65536,
      layers: 32,
      dim: 4096,
      heads: 32,
      kvHeads: 32,
      headDim: 128,
      inner: 11008,
      normEps: 1e-5,
      ropeTheta: 10000,
      swinNorm: false,
      maxPositions: 4096,
      modelParallelSize: 1,
      maskImageLogits: false,
      vocabularyMap: new Map([
        ['<s>', 0],
        ['IMGIMGAZ', 4],
      ]),
    });
  });

  test('takes what is absent for what the format says', () => {
    const { kvHeads, maskImageLogits, vocabularyMap } = read({
      num_key_value_heads: undefined,
      mask_image_logits: undefined,
      vocabulary_map: null,
    });
    expect([kvHeads, maskImageLogits, vocabularyMap.size]).toEqual([32, true, 0]);
  });

  test('takes null, and positions that are not scaled, for what they are by default', () => {
    const nothing = { num_key_value_heads: null, rope_parameters: null, rope_theta: undefined };
    expect(read(nothing)).toMatchObject({ kvHeads: 32, ropeTheta: 10000 });
    for (const rope_scaling of [null, { rope_type: 'default' }, { type: 'default' }])
      expect(read({ rope_scaling }).ropeTheta).toBe(10000);
  });

  test('reads what newer releases of transformers say of positions', () => {
    const rope_parameters = { rope_theta: 5e5, rope_type: 'default' };
    expect(read({ rope_theta: undefined, rope_parameters }).ropeTheta).toBe(5e5);
    expect(read({ rope_theta: 5e5, rope_parameters }).ropeTheta).toBe(5e5);
  });

  test('passes over the token that the reference appends to the vocabulary', () => {
    const { vocabularyMap } = read({ vocabulary_map: { '<s>': 0, '<|image|>': 65536 } });
    expect([...vocabularyMap]).toEqual([['<s>', 0]]);
    expect(read({ vocabulary_map: { '<|image|>': 8 } }).vocabularyMap.size).toBe(1);
  });

  test('has whatever names there are in the vocabulary', () => {
    write(
      'config.json',
      JSON.stringify(lumina).replace(/}$/, ',"vocabulary_map":{"__proto__":7}}'),
    );
    expect([...readChameleonConfig(folder).vocabularyMap]).toEqual([['__proto__', 7]]);
  });

  test('reads a vocabulary of 65,536 names within half a second', () => {
    const entries = Array.from({ length: 65536 }, (_, id) => [`<reserved${id}> and more`, id]);
    write('config.json', { ...lumina, vocabulary_map: Object.fromEntries(entries) });
    const begin = processorMs();
    expect(readChameleonConfig(folder).vocabularyMap.size).toBe(65536);
    expect(processorMs() - begin).toBeLessThan(500);
  });

  test.each([
    ['another model', { model_type: 'llama' }, 'model_type to be "chameleon", got "llama"'],
    [
      'a missing size',
      { hidden_size: undefined },
      'hidden_size to be a whole number in [2, 65536], got nothing',
    ],
    [
      'a size in words',
      { vocab_size: '65536' },
      'vocab_size to be a whole number in [1, 4194304], got "65536"',
    ],
    [
      'a fraction',
      { num_hidden_layers: 1.5 },
      'num_hidden_layers to be a whole number in [1, 1024], got 1.5',
    ],
    [
      'a size of nothing',
      { intermediate_size: 0 },
      'intermediate_size to be a whole number in [1, 1048576], got 0',
    ],
    [
      'a size beyond bounds',
      { hidden_size: 2 ** 40 },
      'hidden_size to be a whole number in [2, 65536], got 1099511627776',
    ],
    [
      'sizes whose product is beyond bounds',
      { hidden_size: 65536, intermediate_size: 2 ** 20, num_hidden_layers: 1024 },
      'the sizes to be those of a network of at most 2^40 parameters',
    ],
    [
      'heads that do not divide',
      { num_attention_heads: 48, num_key_value_heads: 48 },
      'hidden_size to be a multiple of twice num_attention_heads (48), got 4096',
    ],
    [
      'odd heads',
      { hidden_size: 32 },
      'hidden_size to be a multiple of twice num_attention_heads (32), got 32',
    ],
    [
      'kv heads that do not divide',
      { num_key_value_heads: 5 },
      'num_key_value_heads to be a divisor of num_attention_heads (32), got 5',
    ],
    [
      'norms that do not divide',
      { model_parallel_size: 3 },
      'model_parallel_size to be a divisor of num_key_value_heads (32), got 3',
    ],
    ['another activation', { hidden_act: 'gelu' }, 'hidden_act to be "silu", got "gelu"'],
    [
      'scaled positions',
      { rope_scaling: { type: 'linear' } },
      'rope_scaling.type to be "default", got "linear"',
    ],
    [
      'scaled positions of newer releases',
      { rope_parameters: { rope_type: 'yarn', rope_theta: 10000 } },
      'rope_parameters.rope_type to be "default", got "yarn"',
    ],
    [
      'positions for a part of a head',
      { rope_parameters: { partial_rotary_factor: 0.5 } },
      'rope_parameters.partial_rotary_factor to be 1, got 0.5',
    ],
    [
      'two values of theta',
      { rope_parameters: { rope_theta: 5e5 } },
      'rope_parameters.rope_theta to be rope_theta (10000), got 500000',
    ],
    [
      'the appended token elsewhere',
      { vocabulary_map: { '<|image|>': 65537 } },
      'vocabulary_map of "<|image|>" to be an id in [0, 65536), got 65537',
    ],
    ['biases', { attention_bias: true }, 'attention_bias to be false, got true'],
    ['biases of the product', { mlp_bias: true }, 'mlp_bias to be false, got true'],
    ['a tied head', { tie_word_embeddings: true }, 'tie_word_embeddings to be false, got true'],
    ['a switch that is none', { swin_norm: 1 }, 'swin_norm to be true or false, got 1'],
    [
      'an infinite theta',
      { rope_theta: 1e300 },
      'rope_theta to be a number in [1, 1000000000000], got 1e+300',
    ],
    [
      'a vocabulary that is none',
      { vocabulary_map: [] },
      'vocabulary_map to be an object, got another value',
    ],
    [
      'an id beyond the vocabulary',
      { vocabulary_map: { a: 65536 } },
      'vocabulary_map of "a" to be an id in [0, 65536), got 65536',
    ],
    [
      'an id that is none',
      { vocabulary_map: { a: '4' } },
      'vocabulary_map of "a" to be an id in [0, 65536), got "4"',
    ],
  ])('refuses %s', (_, change, message) => {
    expect(() => read(change)).toThrow(`${file}: expected ${message}`);
  });

  test.each([
    ['a key twice', '{"model_type":"chameleon","model_type":"llama"}', 'without a key twice'],
    ['a list', '[]', 'the config to be a JSON object'],
    ['no JSON', '{', 'to be a string, got the end'],
  ])('refuses a file with %s', (_, content, message) => {
    write('config.json', content);
    expect(() => readChameleonConfig(folder)).toThrow(message);
  });

  test('says which file is missing', () => {
    expect(() => readChameleonConfig(join(folder, 'none'))).toThrow(
      `${join(folder, 'none/config.json')}: expected the file to be readable, got ENOENT`,
    );
  });
});

describe.skipIf(!hasFixture('chameleon_mha'))('readChameleonConfig of the golden fixtures', () => {
  test.each([
    ['chameleon_mha', { dim: 64, heads: 4, kvHeads: 4, modelParallelSize: 1, maxPositions: 56 }],
    ['chameleon_gqa', { dim: 96, heads: 6, kvHeads: 2, modelParallelSize: 2, inner: 136 }],
    ['chameleon_swin', { swinNorm: true, maskImageLogits: true, normEps: 1e-6 }],
    ['e2e', { vocabulary: 16896, layers: 3 }],
  ])('%s is read', (name, expected) => {
    const config = readChameleonConfig(join(fixturesFolder, name, 'ckpt'));
    expect(config).toMatchObject(expected);
    expect(config.vocabularyMap.get('IMGIMGBCZ')).toBe(16);
  });
});

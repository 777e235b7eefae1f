import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readResamplerConfig, releasedResampler } from '../../../lib/models/config/resampler.ts';
import { fixturesFolder, hasFixture } from '../../support/fixtures.ts';
import { temporaryFolder } from './folder.ts';

const { write } = temporaryFolder();

const released = {
  dim: 4096,
  depth: 4,
  dim_head: 64,
  heads: 12,
  num_queries: 16,
  embedding_dim: 1280,
  output_dim: 4096,
  ff_mult: 4,
};

const read = (change: Record<string, unknown> = {}) =>
  readResamplerConfig(write('resampler_config.json', { ...released, ...change }));

describe('readResamplerConfig', () => {
  test('gives the arguments by our names', () => expect(read()).toEqual(releasedResampler));

  test.each([
    [
      'a missing size',
      { heads: undefined },
      'heads to be a whole number in [1, 1024], got nothing',
    ],
    [
      'a size beyond bounds',
      { num_queries: 1e9 },
      'num_queries to be a whole number in [1, 65536], got 1000000000',
    ],
    [
      'sizes whose product is beyond bounds',
      { dim: 65536, depth: 1024 },
      'the sizes to be those of a network of at most 2^40 parameters',
    ],
    [
      'fewer latents than none',
      { num_latents_mean_pooled: -1 },
      'num_latents_mean_pooled to be a whole number in [0, 65536], got -1',
    ],
  ])('refuses %s', (_, change, message) => {
    expect(() => read(change)).toThrow(`resampler_config.json: expected ${message}`);
  });
});

test.skipIf(!hasFixture('resampler'))('readResamplerConfig reads the golden fixtures', () => {
  expect(readResamplerConfig(join(fixturesFolder, 'resampler_options/config.json'))).toEqual({
    dim: 32,
    depth: 1,
    headDim: 8,
    heads: 3,
    queries: 4,
    inputDim: 20,
    outputDim: 24,
    ffMult: 2,
    maxSequence: 11,
    positionEmbedding: true,
    meanPooledLatents: 2,
  });
  for (const name of [
    'resampler/config.json',
    'train/resampler_config.json',
    'e2e/stylear/resampler_config.json',
  ]) {
    expect(readResamplerConfig(join(fixturesFolder, name)).positionEmbedding).toBe(false);
  }
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readTrainConfig } from '../../lib/train/config.ts';
import { expectRefusal } from '../support/op_case.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-config-'));
afterAll(() => rmSync(root, { recursive: true }));
const file = join(root, 'train.json');
const least = {
  stage: 'vqgan',
  output: 'out',
  network: '/networks/vqgan',
  data: { sources: [{ shards: ['a.tar'] }] },
  training: { epochs: 1, batchSize: 2, rate: 0.1 },
};
const read = (config: unknown) => {
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
  return readTrainConfig(file);
};

describe('a training config', () => {
  test('has every default in it, and full paths', () => {
    expect(read(least)).toEqual({
      ...{ stage: 'vqgan', output: join(root, 'out'), network: '/networks/vqgan' },
      data: { sources: [{ shards: [join(root, 'a.tar')], share: 1 }] },
      training: {
        ...{ epochs: 1, batchSize: 2, accumulation: 1, rate: 0.1, warmupEpochs: 0 },
        ...{ beta1: 0.9, beta2: 0.95, decay: 0.01, maxNorm: 1, seed: 0, saveEvery: 500 },
      },
      ...{ startPictures: 0, deadAfter: 100, mirror: true, checkpointed: false },
      weights: {
        ...{ absolute: 1, squared: 1, edges: 0, chroma: 0, texture: 0 },
        ...{ covariance: 0, codebook: 1, commitment: 0.25 },
      },
    });
  });

  test('may measure what is held out, and cluster by length', () => {
    const evaluation = { every: 10, shards: ['b.tar'] };
    const { training } = least;
    const config = read({ ...least, evaluation, training: { ...training, chunkBatches: 20 } });
    const shards = [join(root, 'b.tar')];
    expect(config.evaluation).toEqual({ every: 10, shards, samples: 256, shown: 8 });
    expect(config.training.chunkBatches).toBe(20);
  });

  test('has the sizes of the released resampler, or the path of others', () => {
    const { network: _, ...others } = least;
    const style = { ...others, stage: 'style', transformer: 'lm', tokenizer: 'lm', clip: 'clip' };
    expect(read(style)).toMatchObject({ resamplerConfig: { dim: 4096, queries: 16 } });
    const path = { ...style, resamplerConfig: 'r.json' };
    expect(read(path)).toMatchObject({ resamplerConfig: join(root, 'r.json') });
  });

  test.each([
    ['{', 'the config to be readable JSON, got '],
    [
      { ...least, stage: 'gan' },
      'stage to be a stage: "vqgan", "clip", "language", "style" or "dpo", got "gan"',
    ],
    [{ ...least, output: undefined }, 'output to be a path, got nothing'],
    [{ ...least, colour: 1 }, 'the config to be without keys that are not known, got "colour"'],
    [
      { ...least, training: { ...least.training, rates: 1 } },
      'training to be without keys that are not known, got "rates"',
    ],
    [
      { ...least, training: { ...least.training, batchSize: 1.5 } },
      'training.batchSize to be a whole number in [1, 65536], got 1.5',
    ],
    [
      { ...least, training: { ...least.training, rate: 2 } },
      'training.rate to be a number in [0, 1], got 2',
    ],
    [
      { ...least, training: { ...least.training, warmupEpochs: 3 } },
      'training.warmupEpochs to be less than epochs, which is 1, got 3',
    ],
    [
      { ...least, training: { ...least.training, averageDecay: 0.99999 } },
      'training.averageDecay to be a number in [0, 0.9999], got 0.99999',
    ],
    [
      {
        ...{ ...least, network: undefined, stage: 'language', transformer: 't', tokenizer: 't' },
        dropout: { caption: 0.5, everything: 0.5 },
      },
      'dropout to be shares that come to 1 at most, got {"caption":0.5,"everything":0.5}',
    ],
    [
      { ...least, evaluation: { every: 0, shards: ['b.tar'] } },
      'evaluation.every to be a whole number in [1, 1000000000], got 0',
    ],
    [
      { ...least, training: { ...least.training, optimizer: 'sgd' } },
      'training.optimizer to be "adamw" or "muon", got "sgd"',
    ],
    [
      { ...least, training: { ...least.training, momentum: 0.9 } },
      'training.momentum to be left out where optimizer is not "muon", got 0.9',
    ],
    [
      { ...least, training: { ...least.training, optimizer: 'muon' } },
      'training.optimizer to be "adamw", as no matrix of a layer is trained, got "muon"',
    ],
    [{ ...least, data: { sources: [] } }, 'data.sources to be at least one, got []'],
  ])('is refused when it is %j', (config, message) => {
    expect(() => read(config)).toThrow(`${file}: expected ${message}`);
  });

  test('that is not there is an error of input', () => {
    const nowhere = join(root, 'none.json');
    const got = `ENOENT: no such file or directory, open '${nowhere}'`;
    expectRefusal(
      () => readTrainConfig(nowhere),
      'ERR_INPUT',
      `${nowhere}: expected the config to be readable JSON, got ${got}`,
    );
  });
});

import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { takeLock } from '../../lib/file_lock.ts';
import { decodePicture } from '../../lib/image/decode.ts';
import { encodePicture } from '../../lib/image/encode.ts';
import { makePicture } from '../../lib/image/picture.ts';
import { Tokenizer, Weights } from '../../lib/index.ts';
import { encodeSample } from '../../lib/shards/training_sample.ts';
import { writeSampleShards } from '../../lib/shards/write_shards.ts';
import { imageTokens } from '../../lib/text/image_tokens.ts';
import { chameleonLayout, vocabularyOf } from '../../lib/text/vocabulary.ts';
import { readTrainConfig, type TrainConfig } from '../../lib/train/config.ts';
import type { TrainingStep } from '../../lib/train/loop.ts';
import { runTraining } from '../../lib/train/run.ts';
import { openStage } from '../../lib/train/stage.ts';
import { vqganYaml } from '../curate/small_vqgan.ts';
import { fixturesFolder, hasFixture } from '../support/fixtures.ts';
import { fall, trainingDevice, valuesIn } from './trained.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-run-'));
afterAll(() => rmSync(root, { recursive: true }));
const device = await trainingDevice();
const fixture = (path: string) => join(fixturesFolder, path);

const training = { epochs: 4, batchSize: 4, rate: 3e-3, saveEvery: 3, averageDecay: 0.5 };

/** Eight pictures of one colour each, and their tokens where a tokenizer says what these are. */
async function writeData(stem: string, tokenizerFile?: string): Promise<void> {
  const ids = tokenizerFile === undefined ? undefined : Tokenizer.open(tokenizerFile).ids;
  const vocabulary = ids && vocabularyOf(ids, chameleonLayout);
  const tokens = (code: number) =>
    vocabulary &&
    Int32Array.from(
      imageTokens(vocabulary, { height: 1, width: 1 }, [code, code + 1, code + 2, code + 3]),
    );
  const samples = Array.from({ length: 8 }, async (_, i) => {
    const pixels = Uint8Array.from({ length: 8 * 8 * 3 }, (_, at) =>
      at % 3 === i % 3 ? 250 : 10 * i,
    );
    const bytes = await encodePicture(makePicture('RGB', 8, 8, pixels));
    return encodeSample({
      key: `${i}`,
      caption: `number ${i}`,
      picture: { format: 'png', bytes },
      tokens: tokens(10 * i),
      chosen: tokens(10 * i),
      rejected: tokens(10 * i + 5),
    });
  });
  await writeSampleShards(stem, await Promise.all(samples));
}

function writeConfig(name: string, config: object): TrainConfig {
  const file = join(root, `${name.replace('/', '-')}.json`);
  writeFileSync(file, JSON.stringify({ output: name, training, ...config }));
  return readTrainConfig(file);
}

describe('a run', () => {
  const network = join(root, 'vqgan');
  mkdirSync(network);
  writeFileSync(join(network, 'vqgan.yaml'), vqganYaml);
  const vqgan = (name: string, more: object = {}) =>
    writeConfig(name, {
      stage: 'vqgan',
      network: 'vqgan',
      data: { sources: [{ shards: ['pictures.index.json'] }] },
      ...more,
    });

  test('that is stopped and made again leaves the weights of one without a break', async () => {
    await writeData(join(root, 'pictures'));
    const whole = await runTraining(vqgan('whole'), device);
    expect(whole).toEqual({
      steps: 8,
      totalSteps: 8,
      files: [join(root, 'whole', 'model.safetensors')],
    });
    const config = vqgan('parts');
    const controller = new AbortController();
    const stopped = await runTraining(config, device, {
      signal: controller.signal,
      onStep: ({ step }) => step === 5 && controller.abort(),
    });
    expect(stopped).toEqual({ steps: 5, totalSteps: 8, files: [] });
    // Lines of steps that will be made again, and half a line, as a crash leaves them.
    const log = join(root, 'parts', 'steps.jsonl');
    writeFileSync(log, `${readFileSync(log, 'utf8')}{"step":6}\n{"ste`);
    const made: number[] = [];
    await runTraining(config, device, { onStep: ({ step }) => made.push(step) });
    expect(made).toEqual([6, 7, 8]);
    const bytes = (name: string) => readFileSync(join(root, name, 'model.safetensors'));
    expect(bytes('parts').equals(bytes('whole'))).toBe(true);
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    const steps = lines.map((line) => JSON.parse(line) as TrainingStep);
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(readdirSync(join(root, 'parts')).sort()).toEqual([
      ...['checkpoints', 'config.json', 'events.out.tfevents.1.stylear', 'model.safetensors'],
      ...['report.html', 'steps.jsonl'],
    ]);
    const report = readFileSync(join(root, 'parts', 'report.html'), 'utf8');
    expect(report).toContain('<figcaption>usedCodes</figcaption><svg');
  });

  test('writes averaged weights under the names of the network', async () => {
    using weights = Weights.open(join(root, 'whole', 'model.safetensors'), device);
    weights.tensor('quantize.embedding.weight', [16, 4]);
    expect(weights.unread()).toContain('encoder.conv_in.weight');
    expect((await valuesIn(weights)).size).toBe(1);
  });

  test('may start from weights that another one left', async () => {
    const lossesOf = async (name: string, more: object = {}) => {
      const losses: number[] = [];
      await runTraining(vqgan(name, more), device, { onStep: ({ loss }) => losses.push(loss) });
      return losses;
    };
    // The same pictures in the same order, at a rate that moves nothing before the second step.
    const unmoved = { training: { ...training, rate: 1e-9, averageDecay: undefined } };
    const start = join('first', 'model.safetensors');
    const fresh = await lossesOf('first', { training: { ...training, averageDecay: undefined } });
    const again = await lossesOf('fresh', unmoved);
    const after = await lossesOf('second', { start, ...unmoved });
    expect(again[0]).toBe(fresh[0]);
    expect(after[0]).not.toBe(fresh[0]);
    expect(after[0]).toBeLessThan(1.2 * fresh.at(-1)!);
    expect(() => vqgan('third', { start: 1 })).toThrow('expected start to be a path, got 1');
  });

  test('fits fresh weights to pictures once, and not where it goes on or has weights', async () => {
    const fitted = { startPictures: 4 };
    const firstLoss = async (name: string, more: object) => {
      let first: number | undefined;
      await runTraining(vqgan(name, more), device, { onStep: ({ loss }) => (first ??= loss) });
      return first!;
    };
    const plain = await firstLoss('drawn', {});
    expect(await firstLoss('fitted', fitted)).not.toBe(plain);
    const config = vqgan('fitted-parts', fitted);
    const controller = new AbortController();
    const signal = controller.signal;
    await runTraining(config, device, {
      signal,
      onStep: ({ step }) => step === 3 && controller.abort(),
    });
    await runTraining(config, device);
    const bytes = (name: string) => readFileSync(join(root, name, 'model.safetensors'));
    expect(bytes('fitted-parts').equals(bytes('fitted'))).toBe(true);
    const start = join('first', 'model.safetensors');
    const started = await firstLoss('started', { start });
    expect(await firstLoss('started-and-fitted', { start, ...fitted })).toBe(started);
  });

  test('of another config does not go on in the same folder', async () => {
    const other = vqgan('other');
    await runTraining({ ...other, training: { ...other.training, epochs: 1 } }, device);
    await expect(runTraining(other, device)).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message:
        `${join(root, 'other', 'checkpoints', 'step-000000002')}: expected training.epochs to be 1, ` +
        'as it was begun with, got 4. Go on with that training, or train in another folder.',
    });
  });

  /** Begins a training and stops it. */
  const begin = async (config: TrainConfig) => {
    const controller = new AbortController();
    const { signal } = controller;
    await runTraining(config, device, { signal, onStep: () => controller.abort() });
  };

  test('goes on wherever its files were moved to', async () => {
    const part = (folder: string) => {
      const file = join(folder, 'moved.json');
      const data = { sources: [{ shards: ['pictures.index.json'] }] };
      const config = { stage: 'vqgan', output: 'run', network: 'vqgan', data, training };
      writeFileSync(file, JSON.stringify(config));
      return readTrainConfig(file);
    };
    const from = join(root, 'from');
    mkdirSync(from);
    await writeData(join(from, 'pictures'));
    cpSync(network, join(from, 'vqgan'), { recursive: true });
    await begin(part(from));
    renameSync(from, join(root, 'to'));
    const made: number[] = [];
    const onStep = ({ step }: TrainingStep) => made.push(step);
    await runTraining(part(join(root, 'to')), device, { onStep });
    expect(made).toEqual([2, 3, 4, 5, 6, 7, 8]);
    const bytes = (name: string) => readFileSync(join(root, name, 'model.safetensors'));
    expect(bytes('to/run').equals(bytes('whole'))).toBe(true);
  });

  test('does not go on with other data or another network under the same names', async () => {
    await writeData(join(root, 'changing'));
    const data = { sources: [{ shards: ['changing.index.json'] }] };
    const config = vqgan('changed', { data });
    await begin(config);
    const archive = join(root, 'changing-00000.tar');
    const [before, yaml] = [readFileSync(archive), join(network, 'vqgan.yaml')];
    // The index stays: as many bytes, another caption.
    const at = before.indexOf('number 3');
    writeFileSync(archive, Buffer.concat([before]).fill('9', at + 7, at + 8));
    await expect(runTraining(config, device)).rejects.toThrow(
      /expected data\.sources\.0\.shards\.content to be "\w{16}", as it was begun with, got "\w{16}"\./,
    );
    writeFileSync(archive, before);
    writeFileSync(yaml, `${vqganYaml}\n`);
    await expect(runTraining(config, device)).rejects.toThrow('expected network.content to be "');
    writeFileSync(yaml, vqganYaml);
    expect(await runTraining(config, device)).toMatchObject({ steps: 8 });
  });

  test('that meets a sample it cannot take names it, and keeps the steps before it', async () => {
    await writeData(join(root, 'damaged'));
    const archive = join(root, 'damaged-00000.tar');
    const bytes = readFileSync(archive);
    // Found when the picture is decoded; which step that is depends on the order alone.
    const { shards } = JSON.parse(readFileSync(join(root, 'damaged.index.json'), 'utf8'));
    const [, [, [, begin]]] = shards[0].samples[5] as [string, [unknown, [string, number, number]]];
    writeFileSync(archive, Buffer.concat([bytes]).fill(0, begin, begin + 30));
    const settings = { ...training, epochs: 3, batchSize: 2 };
    const data = { sources: [{ shards: ['damaged.index.json'] }] };
    const config = vqgan('damaged', { data, training: { ...settings, saveEvery: 500 } });
    const made: number[] = [];
    const onStep = ({ step }: TrainingStep) => made.push(step);
    const run = () => runTraining(config, device, { onStep });
    const message = new RegExp(`^${archive}: 5: expected .+, got `);
    await expect(run()).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message: expect.stringMatching(message),
    });
    const left = readdirSync(join(root, 'damaged', 'checkpoints'));
    expect(left).toEqual([`step-${`${made.length}`.padStart(9, '0')}`]);
    const before = made.length;
    expect(before).toBeGreaterThan(0);
    await expect(run()).rejects.toThrow(message);
    expect(made).toHaveLength(before);
  });

  test('names a picture of another size than those of its batch', async () => {
    const picture = async (key: string, side: number) => {
      const bytes = await encodePicture(
        makePicture('RGB', side, side, new Uint8Array(3 * side ** 2)),
      );
      return encodeSample({ key, caption: '', picture: { format: 'png', bytes } });
    };
    const samples = await Promise.all(['a', 'b'].map((key, i) => picture(key, 8 + 8 * i)));
    await writeSampleShards(join(root, 'sizes'), samples);
    const data = { sources: [{ shards: ['sizes.index.json'] }] };
    const config = vqgan('sizes', { data, training: { ...training, batchSize: 2 } });
    await expect(runTraining(config, device)).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message: expect.stringMatching(
        /^[ab]: expected the picture to be (\d+) x \1 pixels like [ab] of its batch, got (\d+) x \2 /,
      ),
    });
  });

  test('is refused a folder that it reads a config from', async () => {
    const folder = join(root, 'clip-network');
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), '{}');
    const config = writeConfig('clip-network', {
      stage: 'clip',
      network: folder,
      data: { sources: [{ shards: ['data.index.json'] }] },
    });
    await expect(runTraining({ ...config, output: `${folder}/` }, device)).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message: `output: expected a folder of its own, got that of network, ${folder}`,
    });
    expect(readFileSync(join(folder, 'config.json'), 'utf8')).toBe('{}');
  });

  test('is refused while another one is at its folder', async () => {
    const config = vqgan('busy');
    mkdirSync(config.output);
    const lock = takeLock(join(config.output, 'lock'), 'it');
    await expect(runTraining(config, device)).rejects.toThrow(
      `${join(config.output, 'lock')}: expected no other run to hold the training, got process `,
    );
    expect(readdirSync(config.output)).toEqual(['lock']);
    lock.release();
    await runTraining(config, device);
    expect(readdirSync(config.output)).not.toContain('lock');
  });

  test('that cannot write to its folder says so', async () => {
    writeFileSync(join(root, 'file'), '');
    await expect(runTraining(vqgan('file/run'), device)).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message: expect.stringContaining(
        `${join(root, 'file/run')}: expected the folder to be writable, got ENOTDIR`,
      ),
    });
  });

  test('measures what is held out, which changes nothing, and goes on with it', async () => {
    const evaluation = { every: 3, shards: ['pictures.index.json'], samples: 6, shown: 2 };
    const config = vqgan('measured', { evaluation });
    const controller = new AbortController();
    const stop = { onStep: ({ step }: TrainingStep) => step === 5 && controller.abort() };
    await runTraining(config, device, { signal: controller.signal, ...stop });
    const more = { ...config, evaluation: { ...config.evaluation!, samples: 8 } };
    const steps: TrainingStep[] = [];
    await runTraining(more, device, { onStep: (step) => steps.push(step) });
    const bytes = (name: string) => readFileSync(join(root, name, 'model.safetensors'));
    expect(bytes('measured').equals(bytes('whole'))).toBe(true);
    const usedCodes = (name: string) =>
      readFileSync(join(root, name, 'steps.jsonl'), 'utf8').match(/"usedCodes":[^,]*/g);
    expect(usedCodes('measured')).toEqual(usedCodes('whole'));
    const measured = steps.filter(({ metrics }) => 'heldOut/loss' in metrics);
    expect(measured.map(({ step }) => step)).toEqual([6, 8]);
    const { metrics } = measured[1]!;
    expect(metrics['heldOut/psnr']).toBeCloseTo(10 * Math.log10(4 / metrics['heldOut/squared']!));
    // The first of them was made before the stop.
    const sheets = readdirSync(join(root, 'measured', 'sheets'));
    expect(sheets).toEqual(['00000003.png', '00000006.png', '00000008.png']);
    const sheet = await decodePicture(join(root, 'measured', 'sheets', sheets[2]!));
    expect([sheet.width, sheet.height]).toEqual([2 * 10 + 2, 2 * 10 + 2]);
    const report = readFileSync(join(root, 'measured', 'report.html'), 'utf8');
    expect(report).toContain('<figcaption>heldOut/psnr</figcaption><svg');
    expect(report.match(/<img alt="step \d: held-out pictures/g)).toHaveLength(3);
  });

  test('of which nothing is held out, though it is to be measured, is refused', async () => {
    writeFileSync(join(root, 'none-00000.tar'), Buffer.alloc(1024));
    const config = vqgan('nothing', { evaluation: { every: 1, shards: ['none-00000.tar'] } });
    await expect(runTraining(config, device)).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message: 'evaluation.shards: expected it to be at least one sample, got none',
    });
  });

  test('mixes its sources by their shares', async () => {
    const source = { shards: ['pictures.index.json'] };
    const config = vqgan('mixed', { data: { sources: [{ ...source, share: 3 }, source] } });
    // 2 rounds of 3 + 1
    expect((await runTraining(config, device)).totalSteps).toBe(8);
  });
});

const styled = ['e2e/ckpt', 'tokenizer/hf/tokenizer.json', 'clip/ckpt', 'e2e/stylear'];
const there = styled.every(hasFixture);
if (!there)
  console.log('not tested here: runs of the transformer; the golden fixtures are not there');

describe.skipIf(!there)('a run of the transformer', () => {
  const tokenizer = fixture('tokenizer/hf/tokenizer.json');
  const data = { sources: [{ shards: ['tokens.index.json'] }] };
  const run = async (config: TrainConfig) => {
    await writeData(join(root, 'tokens'), tokenizer);
    const steps: TrainingStep[] = [];
    const { files } = await runTraining(config, device, { onStep: (step) => steps.push(step) });
    return { steps, files };
  };
  const base = { tokenizer, data, transformer: fixture('e2e/ckpt') };
  const style = {
    ...base,
    clip: fixture('clip/ckpt'),
    resamplerConfig: fixture('e2e/stylear/resampler_config.json'),
  };

  /** Two pictures of 32 x 32 pixels beside each other, and two below. */
  const sheetOfTwo = [2 * 34 + 2, 2 * 34 + 2];
  const sheetSize = async (name: string, step: number) => {
    const file = join(root, name, 'sheets', `${`${step}`.padStart(8, '0')}.png`);
    const { width, height } = await decodePicture(file);
    return [width, height];
  };

  test.each([
    ['AdamW', {}],
    ['Muon', { optimizer: 'muon' }],
  ])('from nothing learns pictures of captions, in bf16, by %s', async (optimizer, by) => {
    mkdirSync(join(root, 'base'), { recursive: true });
    copyFileSync(fixture('e2e/ckpt/config.json'), join(root, 'base', 'config.json'));
    const vqgan = fixture('vqgan/ckpt');
    const evaluation = { every: 100, shards: ['tokens.index.json'], shown: 2, vqgan };
    const config = { ...base, stage: 'language', dtype: 'bf16', transformer: 'base', evaluation };
    const { steps, files } = await run(
      writeConfig(optimizer, {
        ...config,
        training: { ...training, ...by, epochs: 8, chunkBatches: 1 },
      }),
    );
    const [first, last] = fall(steps, 2);
    expect(last).toBeLessThan(first - 1);
    expect(await sheetSize(optimizer, steps.length)).toEqual(sheetOfTwo);
    // Learned by heart: what is measured is what was trained on.
    expect(steps.at(-1)!.metrics['heldOut/loss']).toBeLessThan(first - 1);
    expect(files).toEqual([join(root, optimizer, 'model.safetensors')]);
  });

  test('of a checkpoint in shards goes on from these', async () => {
    const config = { ...base, stage: 'language', training: { ...training, epochs: 1 } };
    using stage = openStage(writeConfig('shards', config), device);
    const weights = stage.results['model.safetensors']!;
    using file = Weights.open(base.transformer, device, { dtype: 'f32' });
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const [got, expected] = [weights, file].map((tree) =>
      tree.tensor(name, file.shapeOf(name)!).read(),
    );
    expect(await got).toEqual(await expected);
  });

  test('in style trains adapter and resampler, and then their preferences', async () => {
    const vqgan = fixture('vqgan/ckpt');
    const evaluation = { every: 100, shards: ['tokens.index.json'], shown: 2, vqgan };
    const sft = await run(writeConfig('style', { ...style, stage: 'style', evaluation }));
    expect(await sheetSize('style', sft.steps.length)).toEqual(sheetOfTwo);
    const [first, last] = fall(sft.steps, 2);
    expect(last).toBeLessThan(first);
    const [adapter, resampler] = sft.files as [string, string];
    const dpo = writeConfig('dpo', { ...style, stage: 'dpo', adapter, resampler });
    const { steps, files } = await run(dpo);
    expect(steps[0]!.loss).toBeCloseTo(Math.LN2, 5);
    expect(steps.at(-1)!.metrics.margin).toBeGreaterThan(0);
    expect(files).toEqual([join(root, 'dpo', 'model.safetensors')]);
  });
});

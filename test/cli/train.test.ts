import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { program } from '../../lib/cli/program.ts';
import { encodePicture } from '../../lib/image/encode.ts';
import { makePicture } from '../../lib/image/picture.ts';
import { encodeSample } from '../../lib/shards/training_sample.ts';
import { writeSampleShards } from '../../lib/shards/write_shards.ts';
import type { TrainingStep } from '../../lib/train/loop.ts';
import { byteLevel, clipSplit, smallTokenizer } from '../text/small_tokenizer.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-train-'));
const before = process.exitCode;
afterAll(() => {
  rmSync(root, { recursive: true });
  process.exitCode = before;
});

let printed: string[] = [];
beforeEach(() => {
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
});
afterEach(() => vi.restoreAllMocks());

const train = (file: string) =>
  program().parseAsync(['node', 'stylear', 'train', file, '--device', 'cpu', '--threads', '1']);

/** A CLIP of 8 x 8 pixels without weights, and eight captioned pictures. */
async function prepare(): Promise<string> {
  const tokenizer = smallTokenizer({
    preTokenizers: [clipSplit, byteLevel(true)],
    endOfWord: '</w>',
    addedTokens: [{ content: '<|startoftext|>' }, { content: '<|endoftext|>' }],
  });
  const end = tokenizer.added_tokens[1]!.id;
  const tower = { hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1 };
  const common = { ...tower, num_attention_heads: 2, hidden_act: 'gelu', projection_dim: 8 };
  const files = {
    'tokenizer.json': tokenizer,
    'config.json': {
      model_type: 'clip',
      projection_dim: 8,
      text_config: { ...common, vocab_size: end + 1, eos_token_id: end },
      vision_config: { ...common, patch_size: 4, image_size: 8 },
    },
    'preprocessor_config.json': {
      ...{ do_resize: true, size: { shortest_edge: 8 }, resample: 3, do_center_crop: true },
      ...{ crop_size: { height: 8, width: 8 }, do_rescale: true, rescale_factor: 1 / 255 },
      ...{ do_normalize: true, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
      ...{ do_convert_rgb: true, image_processor_type: 'CLIPImageProcessor' },
    },
  };
  mkdirSync(join(root, 'clip'));
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(root, 'clip', name), JSON.stringify(content));
  const samples = Array.from({ length: 8 }, async (_, i) => {
    const pixels = Uint8Array.from({ length: 192 }, (_, at) => (at * (i + 3) * 37) % 256);
    const bytes = await encodePicture(makePicture('RGB', 8, 8, pixels));
    return encodeSample({ key: `${i}`, caption: `number ${i}`, picture: { format: 'png', bytes } });
  });
  await writeSampleShards(join(root, 'pictures'), await Promise.all(samples));
  const file = join(root, 'train.json');
  const config = {
    ...{ stage: 'clip', output: 'run', network: 'clip' },
    data: { sources: [{ shards: ['pictures.index.json'] }] },
    training: { epochs: 100, batchSize: 8, rate: 5e-3 },
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

describe('stylear train', async () => {
  const file = await prepare();

  test('prints the config with its defaults, trains, and says what it wrote', async () => {
    await train(file);
    expect(process.exitCode).toBe(0);
    expect(JSON.parse(printed[0]!)).toMatchObject({ stage: 'clip', training: { saveEvery: 500 } });
    expect(printed.slice(1)).toEqual([join(root, 'run', 'model.safetensors')]);
    const lines = readFileSync(join(root, 'run', 'steps.jsonl'), 'utf8')
      .trimEnd()
      .split('\n');
    const losses = lines.map((line) => (JSON.parse(line) as TrainingStep).loss);
    expect(losses).toHaveLength(100);
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 3);
  });

  test('has nothing left to do when it is called again', async () => {
    const weights = readFileSync(join(root, 'run', 'model.safetensors'));
    await train(file);
    expect(process.exitCode).toBe(0);
    expect(readFileSync(join(root, 'run', 'model.safetensors')).equals(weights)).toBe(true);
  });

  test('stops after a step when it is interrupted, and goes on when it is called again', async () => {
    const again = JSON.parse(readFileSync(file, 'utf8'));
    const other = join(root, 'again.json');
    writeFileSync(other, JSON.stringify({ ...again, output: 'again' }));
    const steps = () =>
      readFileSync(join(root, 'again', 'steps.jsonl'), 'utf8').split('\n').length - 1;
    const running = train(other);
    await vi.waitFor(() => expect(steps()).toBeGreaterThan(1), { timeout: 20_000, interval: 1 });
    process.emit('SIGTERM');
    await running;
    expect(process.exitCode).toBe(1);
    const made = steps();
    expect(made).toBeLessThan(100);
    expect(printed.at(-1)).toBe(`stopped after step ${made} of 100; the same command goes on`);
    await train(other);
    expect(process.exitCode).toBe(0);
    const bytes = (run: string) => readFileSync(join(root, run, 'model.safetensors'));
    expect(bytes('again').equals(bytes('run'))).toBe(true);
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { program } from '../../lib/cli/program.ts';
import { openDevice } from '../../lib/index.ts';
import type { TrainingStep } from '../../lib/train/loop.ts';
import { writeSmallClip } from '../curate/small_clip.ts';
import { speckled, writePictures } from '../curate/small_vqgan.ts';
import { printedLines } from './printed.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-train-'));
afterAll(() => rmSync(root, { recursive: true }));

const printed = printedLines();

const train = (file: string) =>
  program().parseAsync(['node', 'stylear', 'train', file, '--device', 'cpu', '--threads', '1']);

/** A CLIP that nobody trained, and eight captioned pictures. */
async function prepare(): Promise<string> {
  await using device = await openDevice('cpu', { threads: 1 });
  await writeSmallClip(join(root, 'clip'), device);
  const pictures = Array.from({ length: 8 }, (_, i) => speckled(i));
  await writePictures(join(root, 'pictures'), pictures);
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
    expect(printed.slice(1)).toEqual([
      `starts from ${join(root, 'clip')}`,
      join(root, 'run', 'model.safetensors'),
    ]);
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

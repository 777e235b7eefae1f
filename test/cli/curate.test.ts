import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { program } from '../../lib/cli/program.ts';
import { openDevice } from '../../lib/index.ts';
import { Shards } from '../../lib/shards/shards.ts';
import { decodeSample } from '../../lib/shards/training_sample.ts';
import { writeSmallClip } from '../curate/small_clip.ts';
import {
  smallTokenizerConfig,
  speckled,
  writePictures,
  writeSmallVqgan,
} from '../curate/small_vqgan.ts';
import { withSmallModel } from '../support/small_model.ts';
import { printedLines } from './printed.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-curate-'));
afterAll(() => rmSync(root, { recursive: true }));

const printed = printedLines();

beforeAll(async () => {
  await using device = await openDevice('cpu', { threads: 1 });
  await writeSmallVqgan(root, device);
  const pictures = Array.from({ length: 200 }, (_, i) => speckled(i));
  await writePictures(join(root, 'pictures'), pictures);
});

const curate = (output: string) => {
  const file = join(root, `${output}.json`);
  const config = { kind: 'tokens', shards: ['pictures.index.json'], ...smallTokenizerConfig };
  writeFileSync(file, JSON.stringify({ ...config, output, partSize: 4 }));
  const args = ['curate', file, '--device', 'cpu', '--threads', '1'];
  return program().parseAsync(['node', 'stylear', ...args]);
};

describe('stylear curate', () => {
  test('prints the config with its defaults, makes shards, and says which', async () => {
    await curate('whole');
    expect(process.exitCode).toBe(0);
    expect(JSON.parse(printed[0]!)).toMatchObject({ kind: 'tokens', batchSize: 32 });
    expect(printed.slice(1)).toEqual([`${join(root, 'whole.index.json')}: 200 samples`]);
  });

  test('stops when it is interrupted, and goes on when it is called again', async () => {
    const running = curate('again');
    const part = join(root, 'again.work', 'tokens', 'part-00001.index.json');
    await vi.waitFor(() => expect(existsSync(part)).toBe(true), { timeout: 20_000, interval: 1 });
    process.emit('SIGTERM');
    await running;
    expect(process.exitCode).toBe(1);
    expect(printed.at(-1)).toBe('stopped; the same command goes on');
    expect(existsSync(join(root, 'again.index.json'))).toBe(false);
    await curate('again');
    expect(process.exitCode).toBe(0);
    const bytes = (output: string) => readFileSync(join(root, `${output}-00000.tar`));
    expect(bytes('again').equals(bytes('whole'))).toBe(true);
  });
});

withSmallModel('stylear curate of preferences', ({ folder }) => {
  test('draws with a model, and writes pairs for DPO', async () => {
    await using device = await openDevice('cpu', { threads: 1 });
    await writeSmallClip(join(root, 'clip'), device);
    const file = join(root, 'preferences.json');
    const source = { from: 'styles', styles: 1, prompts: 2 };
    const config = { kind: 'preferences', source, model: folder, clip: 'clip', size: 32 };
    writeFileSync(file, JSON.stringify({ ...config, samples: 3, output: 'preferences' }));
    await program().parseAsync(['node', 'stylear', 'curate', file, '--device', 'cpu']);
    expect(process.exitCode).toBe(0);
    using shards = Shards.open([join(root, 'preferences.index.json')]);
    expect(shards.length).toBeGreaterThan(0);
    for (const { chosen, rejected, picture } of [...shards.range(0, shards.length)].map(
      decodeSample,
    )) {
      // A picture of one grid unit: 2 x 2 codes with their new-lines, start, height, width and end.
      expect([chosen, rejected].map((ids) => ids!.length)).toEqual([10, 10]);
      expect([chosen![0], chosen![9]]).toEqual([rejected![0], rejected![9]]);
      expect(chosen).not.toEqual(rejected);
      expect(picture).toMatchObject({ format: 'png' });
    }
  });
});

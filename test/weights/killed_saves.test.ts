import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { compiled } from '../support/compile.ts';
import { uniform } from '../support/numbers.ts';
import { killSaves } from './killed_saves.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-killed-'));
afterAll(() => rmSync(folder, { recursive: true }));

// 1,000 kills are the bar; `npm run fuzz` gets there, and keeps its count in bench/results.
test('a checkpoint is whole, and none older than the last save, at 40 kills amid saves', async () => {
  const program = compiled('test/weights/save_forever.ts');
  const path = join(folder, 'x.safetensors');
  const { kills, saves, within } = await killSaves(program, path, uniform(3), (n) => n === 40);
  expect(kills).toBe(40);
  expect(saves).toBeGreaterThanOrEqual(40);
  // Else it is not within saves that it was killed.
  expect(within).toBeGreaterThan(5);
});

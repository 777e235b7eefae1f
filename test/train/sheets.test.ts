import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { makePicture } from '../../lib/image/picture.ts';
import { Sheets } from '../../lib/train/sheets.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-sheets-'));
afterAll(() => rmSync(root, { recursive: true }));
const picture = makePicture('L', 1, 1, Uint8Array.of(7));

describe('the sheets of a training', () => {
  test('are found again, but for those of steps that are made again', async () => {
    const folder = join(root, 'resumed');
    const before = new Sheets(folder, 0, 'held out');
    for (const step of [10, 20, 30]) await before.add(step, picture);
    writeFileSync(join(folder, 'notes.txt'), '');
    const after = new Sheets(folder, 20, 'held out');
    expect(after.shown().map(({ step }) => step)).toEqual([10, 20]);
    expect(readdirSync(folder).sort()).toEqual(['00000010.png', '00000020.png', 'notes.txt']);
    const sheet = await after.add(30, picture);
    expect(after.shown().at(-1)).toEqual(sheet);
    expect(sheet).toMatchObject({ step: 30, caption: 'held out' });
  });

  test('are shown from all of its time, the last one in any case', async () => {
    const sheets = new Sheets(join(root, 'many'), 0, '');
    for (let step = 1; step <= 31; step++) await sheets.add(step, picture);
    const shown = sheets.shown().map(({ step }) => step);
    expect(shown).toEqual([1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31]);
  });
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ReadyPairs } from '../../../lib/curate/candidates/ready_pairs.ts';
import { writePicture } from '../../../lib/image/encode.ts';
import { plain, speckled } from '../small_vqgan.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-pairs-'));
afterAll(() => rmSync(root, { recursive: true }));

async function write(style: string, name: string, seed: number, text: string): Promise<void> {
  mkdirSync(join(root, style), { recursive: true });
  await writePicture(join(root, style, `${name}.png`), speckled(seed, 12, 12));
  writeFileSync(join(root, style, `${name}.txt`), `${text}\n`);
}

beforeAll(async () => {
  await write('chalk', 'reference', 1, 'an owl');
  await write('chalk', 'a', 2, 'a ship');
  await write('chalk', 'b', 3, 'a ship');
  await write('ink', 'reference', 4, 'a cat');
  await write('ink', 'c', 5, 'a tree');
});

describe('a folder of ready pairs', () => {
  test('gives each picture with its style, its prompt and the reference of its style', async () => {
    using candidates = new ReadyPairs(root).candidates(12);
    const read = await Promise.all(
      Array.from({ length: candidates.length }, (_, i) => candidates.at(i)),
    );
    const known = (style: string, seed: number) => ({ styliser: 'ready pairs', style, seed });
    const drawn = (seed: number) => plain(speckled(seed, 12, 12));
    const reference = (seed: number, subject: string) => ({ picture: drawn(seed), subject });
    const [owl, cat] = [reference(1, 'an owl'), reference(4, 'a cat')];
    const expected = [
      { key: 'style-0-0', caption: 'a ship', style: known('chalk', 0), reference: owl },
      { key: 'style-0-1', caption: 'a ship', style: known('chalk', 1), reference: owl },
      { key: 'style-1-0', caption: 'a tree', style: known('ink', 0), reference: cat },
    ];
    const found = read.map(({ picture, reference, ...one }) => ({
      ...one,
      picture: plain(picture),
      reference: { ...reference, picture: plain(reference!.picture) },
    }));
    expect(found).toEqual(expected.map((one, i) => ({ ...one, picture: drawn([2, 3, 5][i]!) })));
  });

  test('is a styliser of what is there', async () => {
    const pairs = new ReadyPairs(root);
    const request = { style: 'chalk', prompt: 'a ship', seed: 3, size: 12 };
    expect(plain(await pairs.stylise(request))).toEqual(plain(speckled(3, 12, 12)));
    await expect(pairs.stylise({ ...request, style: 'ink' })).rejects.toThrow(
      `${root}: expected a picture to be there, got none of "a ship" in "ink"`,
    );
  });

  test('is refused without styles, references or texts', async () => {
    const other = mkdtempSync(join(root, '../stylear-bad-pairs-'));
    try {
      expect(() => new ReadyPairs(other)).toThrow('expected the folder to have one for each style');
      const style = join(other, 'x');
      mkdirSync(style);
      await writePicture(join(style, 'a.png'), speckled(1));
      expect(() => new ReadyPairs(other)).toThrow(
        `${style}: expected the folder of a style to have a reference.png, got none`,
      );
      await writePicture(join(style, 'reference.png'), speckled(1));
      expect(() => new ReadyPairs(other)).toThrow(
        `${join(style, 'a.txt')}: expected the file to be readable, got ENOENT`,
      );
      const none = join(other, 'none');
      expect(() => new ReadyPairs(none)).toThrow(
        `${none}: expected a folder of pictures, got ENOENT`,
      );
    } finally {
      rmSync(other, { recursive: true });
    }
  });
});

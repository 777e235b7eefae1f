import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { contentOfShards } from '../../lib/shards/content_of_shards.ts';
import { encodeSample } from '../../lib/shards/training_sample.ts';
import { writeSampleShards } from '../../lib/shards/write_shards.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-content-'));
afterAll(() => rmSync(root, { recursive: true }));
const index = join(root, 'a.index.json');
const archive = join(root, 'a-00000.tar');
const of = (...paths: string[]) => contentOfShards(paths).content;

/** Samples of 20 KB, far more than could be looked at in a few places. */
const count = 200;
beforeEach(async () => {
  const samples = Array.from({ length: count }, (_, i) =>
    encodeSample({
      key: `${i}`,
      caption: `a cat, number ${i};`,
      picture: { format: 'png', bytes: Buffer.alloc(18_000, i) },
      tokens: new Int32Array(300).fill(i),
      style: { family: `family ${i};` },
    }),
  );
  await writeSampleShards(join(root, 'a'), samples);
});

describe('the content of shards', () => {
  test('is the same wherever they lie', () => {
    const before = of(index);
    mkdirSync(join(root, 'other'));
    for (const name of ['a.index.json', 'a-00000.tar'])
      copyFileSync(join(root, name), join(root, 'other', name));
    expect(of(join(root, 'other', 'a.index.json'))).toBe(before);
    expect(before).toMatch(/^[0-9a-f]{16}$/);
    expect(of(archive)).not.toBe(before);
  });

  test('is another with any caption, style or token', () => {
    const bytes = readFileSync(archive);
    const before = of(archive);
    for (let i = 0; i < count; i += 9) {
      const tokens = Buffer.from(new Int32Array(300).fill(i).buffer);
      for (const [place, change] of [
        [bytes.indexOf(`a cat, number ${i};`), 2],
        [bytes.indexOf(`family ${i};`), 0],
        [bytes.indexOf(tokens), 4 * 123],
      ] as const) {
        expect(place).toBeGreaterThan(0);
        const changed = Buffer.concat([bytes]);
        changed[place + change]! ^= 1;
        writeFileSync(archive, changed);
        expect(of(archive)).not.toBe(before);
      }
    }
    writeFileSync(archive, bytes);
    expect(of(archive)).toBe(before);
  });

  test('is another with another picture of the same size', () => {
    const before = of(archive);
    const bytes = readFileSync(archive);
    const at = bytes.indexOf(Buffer.alloc(18_000, 77));
    writeFileSync(archive, Buffer.concat([bytes]).fill(78, at, at + 18_000));
    expect(of(archive)).not.toBe(before);
  });
});

// What is done to pictures, against the golden fixtures: STYLEAR_FIXTURES, or ../shared/fixtures
// beside the package. Without them these tests are skipped and say so.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pictureOfVqganPixels } from '../../lib/image/vqgan_pixels.ts';
import { openDevice } from '../../lib/index.ts';
import type { Check } from '../../lib/verify/check.ts';
import { checkClipPixels } from '../../lib/verify/clip_pixels.ts';
import { openFixture } from '../../lib/verify/fixture.ts';
import { checkItemPictures, checkItemTokens } from '../../lib/verify/items.ts';

const folder =
  process.env.STYLEAR_FIXTURES ?? join(import.meta.dirname, '../../../shared/fixtures');
const present = existsSync(folder);
if (!present) console.log(`not tested here: the golden fixtures are not at ${folder}`);

describe.skipIf(!present)('every golden picture', () => {
  test.each([
    ['items', checkItemPictures, 45],
    ['clip', checkClipPixels, 5],
    ['clip_quick_gelu', checkClipPixels, 1],
  ] as const)('of %s', async (name, checks, count) => {
    const got: Check[] = [];
    for await (const check of checks(openFixture(join(folder, name)))) got.push(check);
    expect(got.filter(({ passed }) => !passed)).toEqual([]);
    expect(got.length).toBe(count);
  });

  test('of items, as codes and tokens, and in conversations', async () => {
    await using device = await openDevice('cpu');
    const got: Check[] = [];
    for await (const check of checkItemTokens(openFixture(join(folder, 'items')), device))
      got.push(check);
    expect(got.filter(({ passed }) => !passed)).toEqual([]);
    expect(got.length).toBe(30);
  });

  test.each(['vqgan', 'vqgan_f4'])('of %s: levels of pixels, cut as there', (name) => {
    const fixture = openFixture(join(folder, name));
    const tensors = [...fixture.tensors('expected.safetensors')];
    const decoded = tensors.filter(([name]) => name.endsWith('.pixels'));
    expect(decoded.length).toBe(3);
    for (const [name, { shape, values }] of decoded) {
      const [height, width] = [shape[2]!, shape[3]!];
      const area = height * width;
      const pixels = Float32Array.from(
        { length: 3 * area },
        (_, i) => values[(i % 3) * area + Math.trunc(i / 3)]!,
      );
      const want = fixture.tensor('expected.safetensors', name.replace('pixels', 'uint8'));
      const got = pictureOfVqganPixels(pixels, width, height);
      expect([...got.pixels]).toEqual([...want.values]);
    }
  });
});

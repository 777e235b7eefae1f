import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isForTraining, isHeldOutFamily } from '../../../lib/curate/world/held_out.ts';
import { type WorldReference, worldReferences } from '../../../lib/curate/world/references.ts';
import { decodePicture } from '../../../lib/image/decode.ts';
import type { Picture } from '../../../lib/image/picture.ts';
import { embeddedModelFolder } from '../../../lib/models/embedded_model.ts';

const references: WorldReference[] = [];
for await (const reference of worldReferences(192)) references.push(reference);

describe('the references of the embedded model', () => {
  test('are of styles that training never shows, known families among them', () => {
    for (const { name, style, content } of references)
      expect(isForTraining(style, content.subject), name).toBe(false);
    const families = references.map(({ style }) => style.family);
    expect(new Set(families).size).toBe(references.length);
    expect(families.filter(isHeldOutFamily)).toEqual(['pointillism', 'art deco']);
  });

  test.each(references)('$name has its subject alone beside it', ({ picture, subject }) => {
    expect(subject).toMatchObject({ mode: 'RGB', width: 192, height: 192 });
    const share = (holds: (at: number) => boolean) =>
      Array.from({ length: 192 * 192 }, (_, i) => holds(3 * i)).filter(Boolean).length / 192 ** 2;
    const pixel = (of: Picture, at: number) => of.pixels.subarray(at, at + 3).join();
    const same = share((at) => pixel(subject, at) === pixel(picture, at));
    const white = share((at) => pixel(subject, at) === '255,255,255');
    // One of middle size: the rest are edges, a mixture of both.
    expect(same).toBeGreaterThan(0.1);
    expect(white).toBeGreaterThan(0.4);
    expect(same + white).toBeGreaterThan(0.95);
    for (const corner of [0, subject.pixels.length - 3])
      expect(pixel(subject, corner)).toBe('255,255,255');
  });

  test('are what the package ships', async () => {
    const folder = join(embeddedModelFolder(), 'references');
    const names = references.flatMap(({ name }) => [`${name}.png`, `${name}.subject.png`]);
    expect(readdirSync(folder).sort()).toEqual(names.sort());
    const shows = async (file: string, { pixels }: Picture) => {
      const shipped = await decodePicture(join(folder, file));
      expect(Buffer.compare(shipped.pixels, pixels), file).toBe(0);
    };
    for (const { name, picture, subject } of references) {
      await shows(`${name}.png`, picture);
      await shows(`${name}.subject.png`, subject);
    }
  });
});

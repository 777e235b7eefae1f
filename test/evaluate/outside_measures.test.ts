import { expect, test } from 'vitest';
import type { ClipEmbedder } from '../../lib/curate/clip_embedder.ts';
import { JudgedReferences, outsideFigures } from '../../lib/evaluate/outside_measures.ts';
import { makePicture, type Picture } from '../../lib/image/picture.ts';

/** A plain picture, whose level is the angle at which `clip` sees it. */
const plain = (level: number): Picture =>
  makePicture('RGB', 8, 8, new Uint8Array(8 * 8 * 3).fill(level));
const vector = (degrees: number) =>
  Float32Array.of(Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180));
const clip = {
  pictures: (pictures: readonly Picture[]) =>
    Promise.resolve(pictures.map(({ pixels }) => vector(pixels[0]!))),
  texts: (texts: readonly string[]) => Promise.resolve(texts.map((text) => vector(Number(text)))),
} as unknown as ClipEmbedder;
const cos = (degrees: number) => Math.cos((degrees * Math.PI) / 180);

const at = (style: number, prompt: number) => ({ style, prompt, seed: 0 });

test('pictures are compared with their prompt, their reference and the other references', async () => {
  const judged = await JudgedReferences.of([plain(0), plain(60), plain(120)], ['30', '90'], clip);
  const pictures = await judged.measure(
    [at(0, 0), at(1, 1), at(2, 0)],
    [plain(10), plain(100), plain(70)],
  );
  const figures = outsideFigures(pictures, 'style');
  const text = (cos(20) + cos(10) + cos(40)) / 3;
  const image = (cos(10) + cos(40) + cos(50)) / 3;
  // f32 vectors.
  expect(figures.clipText?.mean).toBeCloseTo(text, 6);
  expect(figures.clipImage?.mean).toBeCloseTo(image, 6);
  expect(figures.harmonic?.mean).toBeCloseTo((2 * text * image) / (text + image), 6);
  // Closer to its own than to both, to one and to one of the others; so do colours have it.
  expect(figures.clipChoice?.mean).toBeCloseTo((1 + 0.5 + 0.5) / 3, 12);
  expect(figures.paletteChoice?.mean).toBeCloseTo((1 + 0.5 + 0.5) / 3, 12);
  expect(figures.palette?.mean).toBeLessThan(figures.otherPalette!.mean);
  expect(figures.clipText?.count).toBe(3);
});

test('intervals are over what pictures have in common', async () => {
  const judged = await JudgedReferences.of([plain(0), plain(60)], ['0', '90'], clip);
  const places = [at(0, 0), at(0, 1), at(1, 0), at(1, 1)];
  const pictures = await judged.measure(places, [plain(0), plain(0), plain(0), plain(0)]);
  // CLIP-T is 1 and 0 by the prompt, CLIP-I 1 and 0.5 by the style.
  expect(outsideFigures(pictures, 'style').clipText).toMatchObject({ low: 0.5, high: 0.5 });
  const { clipText, clipImage } = outsideFigures(pictures, 'prompt');
  expect([clipText!.low, clipText!.high]).toEqual([expect.closeTo(0, 6), expect.closeTo(1, 6)]);
  expect(clipImage!.low).toBe(clipImage!.high);
});

test('without a CLIP there are colours alone, without another reference no comparison', async () => {
  const names = async (references: Picture[], withClip: boolean) => {
    const judged = await JudgedReferences.of(references, ['0'], withClip ? clip : undefined);
    return Object.keys(outsideFigures(await judged.measure([at(0, 0)], [plain(9)]), 'prompt'));
  };
  const two = [plain(0), plain(60)];
  expect(await names(two, false)).toEqual(['palette', 'otherPalette', 'paletteChoice']);
  expect(await names([plain(0)], true)).toEqual(['clipText', 'clipImage', 'harmonic', 'palette']);
});

import { describe, expect, test } from 'vitest';
import { cutOut, onBackground } from '../../lib/image/background.ts';
import { greysOf, toRgb } from '../../lib/image/convert.ts';
import { makePicture } from '../../lib/image/picture.ts';
import { noise } from './pictures.ts';

const of = (mode: Parameters<typeof makePicture>[0], ...pixels: number[]) =>
  makePicture(mode, 1, 1, Uint8Array.from(pixels));

describe('toRgb', () => {
  test('repeats grey, drops alpha, and shows what lies under it', () => {
    expect([...toRgb(of('L', 7)).pixels]).toEqual([7, 7, 7]);
    expect([...toRgb(of('LA', 7, 0)).pixels]).toEqual([7, 7, 7]);
    expect([...toRgb(of('RGBA', 1, 2, 3, 0)).pixels]).toEqual([1, 2, 3]);
    expect(toRgb(of('RGBA', 1, 2, 3, 0)).mode).toBe('RGB');
  });

  test('multiplies inks as filters', () => {
    for (const [c, m, y, k] of [
      [0, 0, 0, 0],
      [255, 0, 0, 0],
      [0, 128, 64, 100],
      [10, 20, 30, 255],
      [255, 255, 255, 1],
    ] as const) {
      const want = [c, m, y].map((ink) => 255 - k - Math.round((ink * (255 - k)) / 255));
      expect([...toRgb(of('CMYK', c, m, y, k)).pixels]).toEqual(want);
    }
  });

  test('is smooth again when resized: a palette is applied for good', () => {
    expect(toRgb(noise('RGB', 2, 2, 1, { paletted: true })).paletted).toBe(false);
    expect(toRgb(noise('L', 2, 2, 1, { paletted: true })).paletted).toBe(false);
  });
});

describe('onBackground', () => {
  test('mixes by alpha and cuts to whole levels', () => {
    const half = of('RGBA', 0, 100, 255, 128);
    const mix = (background: number, level: number) =>
      Math.trunc((1 - 128 / 255) * background + (128 / 255) * level);
    expect([...onBackground(half).pixels]).toEqual([mix(255, 0), mix(255, 100), 255]);
    expect([...onBackground(half, 'black').pixels]).toEqual([0, mix(0, 100), mix(0, 255)]);
    expect([...onBackground(half, [50, 60, 70]).pixels]).toEqual([
      mix(50, 0),
      mix(60, 100),
      mix(70, 255),
    ]);
  });

  test('shows the background alone where alpha is 0, and the colour alone where it is 255', () => {
    expect([...onBackground(of('LA', 9, 0), 'mean').pixels]).toEqual([123, 117, 104]);
    for (let level = 0; level < 256; level++) {
      expect(onBackground(of('LA', level, 255), 'black').pixels[0]).toBe(level);
    }
  });

  test('takes a level that stands for transparency as alpha 0', () => {
    const picture = makePicture('L', 3, 1, Uint8Array.of(4, 5, 6), { transparentLevel: 5 });
    expect([...onBackground(picture).pixels]).toEqual([4, 4, 4, 255, 255, 255, 6, 6, 6]);
  });

  test('leaves what is opaque', () => {
    const picture = noise('RGB', 3, 3);
    expect([...onBackground(picture, 'black').pixels]).toEqual([...picture.pixels]);
  });

  test('refuses levels out of their range', () => {
    expect(() => onBackground(of('L', 1), [0, 256, 0])).toThrow(
      'onBackground: expected background to be levels from 0 to 255, got 0, 256, 0',
    );
    expect(() => onBackground(of('L', 1), [0, Number.NaN, 0])).toThrow('got 0, NaN, 0');
  });
});

describe('cutOut', () => {
  const picture = noise('RGB', 2, 1);
  const [r, g, b, r2, g2, b2] = picture.pixels;

  test('takes alpha from how light the mask is', () => {
    const mask = makePicture('L', 2, 1, Uint8Array.of(0, 200));
    const got = cutOut(picture, mask);
    expect(got.mode).toBe('RGBA');
    expect([...got.pixels]).toEqual([r, g, b, 0, r2, g2, b2, 200]);
  });

  test('takes alpha from the alpha of the mask where it has one', () => {
    const mask = makePicture('RGBA', 2, 1, Uint8Array.of(255, 255, 255, 3, 0, 0, 0, 4));
    expect([...cutOut(picture, mask).pixels]).toEqual([r, g, b, 3, r2, g2, b2, 4]);
  });

  test('refuses a mask of another size or orientation', () => {
    expect(() => cutOut(picture, noise('L', 1, 2))).toThrow(
      'cutOut: expected mask to be 2 x 1 of orientation 1 like the picture, got 1 x 2 of orientation 1',
    );
    expect(() => cutOut(picture, noise('L', 2, 1, 1, { orientation: 6 }))).toThrow(
      expect.objectContaining({ code: 'ERR_INPUT' }),
    );
  });

  test('greysOf weighs colours by how light they look', () => {
    const colours = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];
    const greys = greysOf(makePicture('RGB', 4, 1, Uint8Array.from(colours)));
    expect([...greys]).toEqual([76, 150, 29, 255]);
  });
});

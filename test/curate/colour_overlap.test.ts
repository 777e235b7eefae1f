import { describe, expect, test } from 'vitest';
import { colourOverlap } from '../../lib/curate/colour_overlap.ts';
import { makePicture } from '../../lib/image/picture.ts';
import { speckled } from './small_vqgan.ts';

type Colour = readonly [number, number, number];
const of = (...colours: readonly Colour[]) =>
  makePicture('RGB', colours.length, 1, Uint8Array.from(colours.flat()));
const [red, blue]: readonly Colour[] = [
  [255, 0, 0],
  [0, 0, 255],
];

describe('the overlap of colours', () => {
  test('is one of a picture with itself, in any order and number of pixels', () => {
    expect(colourOverlap(speckled(3, 16, 8), speckled(3, 16, 8))).toBeCloseTo(1, 12);
    expect(colourOverlap(of(red!, blue!), of(blue!, red!, red!, blue!))).toBeCloseTo(1, 12);
  });

  test('is the share of colours that both have', () => {
    expect(colourOverlap(of(red!), of(blue!))).toBe(0);
    expect(colourOverlap(of(red!, blue!), of(blue!))).toBeCloseTo(0.5, 12);
    expect(colourOverlap(of(red!, blue!, blue!, blue!), of(blue!, red!))).toBeCloseTo(0.75, 12);
  });

  test('falls evenly as shades part', () => {
    const overlaps = [0, 9, 18, 27, 36].map((g) => colourOverlap(of([0, 0, 0]), of([0, g, 0])));
    overlaps.forEach((overlap, i) => {
      expect(overlap).toBeCloseTo(1 - (9 * i * 7) / 255, 12);
    });
  });
});

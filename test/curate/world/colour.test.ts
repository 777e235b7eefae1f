import { describe, expect, test } from 'vitest';
import { colour, hex, mix, parseHex, shade } from '../../../lib/curate/world/colour.ts';

describe('colour', () => {
  test('knows the primaries of sRGB in OKLCH', () => {
    const { l, c, h } = parseHex('#ff0000');
    expect([l, c, h].map((value) => value.toFixed(3))).toEqual(['0.628', '0.258', '29.234']);
    expect(parseHex('#ffffff').l).toBeCloseTo(1, 5);
    expect(parseHex('#ffffff').c).toBeLessThan(1e-4);
  });

  test('is written as it was read, for every colour of a grid', () => {
    const levels = ['00', '33', '80', 'cc', 'ff'];
    for (const r of levels) {
      for (const g of levels) {
        for (const b of levels) expect(hex(parseHex(`#${r}${g}${b}`))).toBe(`#${r}${g}${b}`);
      }
    }
  });

  test('that no screen shows keeps lightness and hue', () => {
    for (let h = 0; h < 360; h += 15) {
      for (const l of [0.2, 0.5, 0.8]) {
        const shown = parseHex(hex(colour(l, 0.4, h)));
        expect(Math.abs(shown.l - l)).toBeLessThan(0.01);
        expect(Math.abs(((shown.h - h + 540) % 360) - 180)).toBeLessThan(4);
      }
    }
  });

  test('outside of all ranges is still a colour', () => {
    for (const l of [-1, 0, 1, 3]) expect(hex(colour(l, 0.3, -700))).toMatch(/^#[0-9a-f]{6}$/);
  });

  test('is shaded to white and to black, and mixed without a detour', () => {
    expect(hex(shade(parseHex('#336699'), 1))).toBe('#ffffff');
    expect(hex(shade(parseHex('#336699'), -1))).toBe('#000000');
    expect(hex(mix(parseHex('#112233'), parseHex('#ddeeff'), 0))).toBe('#112233');
    expect(hex(mix(parseHex('#112233'), parseHex('#ddeeff'), 1))).toBe('#ddeeff');
    expect(mix(colour(0.5, 0.1, 350), colour(0.5, 0.1, 10), 0.5).h % 360).toBeCloseTo(0, 6);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { channelsOf, makePicture, type Picture } from '../../lib/image/picture.ts';
import { type Filter, resize } from '../../lib/image/resize.ts';
import { noise, pictures } from './pictures.ts';

const kernels = {
  box: { support: 0.5, at: (x: number) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: (x: number) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    // Keys 1981 with a = -1/2, expanded.
    at: (x: number) => {
      const d = Math.abs(x);
      if (d < 1) return 1.5 * d ** 3 - 2.5 * d ** 2 + 1;
      return d < 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
    },
  },
};

/** One line resized: exact sums of rounded weights, rounded to the nearest level. */
function line(from: readonly number[], to: number, filter: keyof typeof kernels): number[] {
  if (from.length === to) return [...from];
  const { support, at } = kernels[filter];
  const scale = from.length / to;
  const wide = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const begin = Math.max(0, Math.floor(centre - support * wide + 0.5));
    const end = Math.min(from.length, Math.floor(centre + support * wide + 0.5));
    const weights = from.map((_, x) =>
      x >= begin && x < end ? at((x + 0.5 - centre) * (1 / wide)) : 0,
    );
    const total = weights.reduce((a, b) => a + b);
    const sum = from.reduce((sum, level, x) => {
      const weight = (weights[x]! / total) * 2 ** 22;
      return sum + BigInt(level) * BigInt(Math.sign(weight) * Math.floor(Math.abs(weight) + 0.5));
    }, 0n);
    return Math.min(255, Math.max(0, Number((sum + 2n ** 21n) >> 22n)));
  });
}

type Plane = readonly (readonly number[])[];
const turned = (plane: Plane): Plane => plane[0]!.map((_, x) => plane.map((row) => row[x]!));

/** A plane resized, columns first unless it is more than 100 times as tall as it is wide. */
function plane(from: Plane, width: number, height: number, filter: keyof typeof kernels): Plane {
  const columns = (of: Plane) => of.map((row) => line(row, width, filter));
  const rows = (of: Plane) => turned(turned(of).map((column) => line(column, height, filter)));
  const rowsFirst = from.length > 100 * from[0]!.length && height < from.length;
  return rowsFirst ? columns(rows(from)) : rows(columns(from));
}

function definition(
  picture: Picture,
  width: number,
  height: number,
  filter: keyof typeof kernels,
): number[] {
  if (picture.width === width && picture.height === height) return [...picture.pixels];
  const channels = channelsOf(picture);
  const alpha = picture.mode === 'LA' || picture.mode === 'RGBA' ? channels - 1 : undefined;
  const planeOf = (channel: number): Plane =>
    Array.from({ length: picture.height }, (_, y) =>
      Array.from({ length: picture.width }, (_, x) => {
        const pixel = (y * picture.width + x) * channels;
        const level = picture.pixels[pixel + channel]!;
        if (alpha === undefined || channel === alpha) return level;
        // Rounded to nearest: a product over 255 is never half way.
        return Math.floor((level * picture.pixels[pixel + alpha]!) / 255 + 0.5);
      }),
    );
  const planes = Array.from({ length: channels }, (_, channel) =>
    plane(planeOf(channel), width, height, filter),
  );
  return Array.from({ length: height * width * channels }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / channels), i % channels];
    const levelOf = (channel: number) =>
      planes[channel]![Math.floor(pixel / width)]![pixel % width]!;
    const level = levelOf(channel);
    if (alpha === undefined || channel === alpha || levelOf(alpha) === 0) return level;
    return Math.min(255, Math.floor((255 * level) / levelOf(alpha)));
  });
}

const side = fc.integer({ min: 1, max: 24 });
const smooth = fc.constantFrom('box', 'bilinear', 'bicubic' as const);

describe('resize', () => {
  test('is its definition, bit for bit', () => {
    fc.assert(
      fc.property(pictures(24), side, side, smooth, (picture, width, height, filter) => {
        const got = resize(picture, width, height, { filter });
        expect([...got.pixels]).toEqual(definition(picture, width, height, filter));
      }),
      { seed: 1, numRuns: 400 },
    );
  });

  test('does rows first where a picture is more than 100 times as tall as wide', () => {
    for (const height of [200, 201, 300]) {
      const tall = noise('RGB', 2, height, height);
      expect([...resize(tall, 5, 7).pixels]).toEqual(definition(tall, 5, 7, 'bicubic'));
    }
  });

  test('is bicubic unless told', () => {
    const picture = noise('L', 9, 7);
    expect(resize(picture, 4, 11)).toEqual(resize(picture, 4, 11, { filter: 'bicubic' }));
    const untold = { filter: undefined, window: undefined };
    expect(resize(picture, 4, 11, untold)).toEqual(resize(picture, 4, 11));
  });

  test('leaves what has one level at that level', () => {
    const filters = fc.constantFrom<Filter>('nearest', 'box', 'bilinear', 'bicubic');
    fc.assert(
      fc.property(fc.nat(255), side, side, side, filters, (level, width, to, height, filter) => {
        const flat = makePicture('L', width, 5, new Uint8Array(5 * width).fill(level));
        expect(new Set(resize(flat, to, height, { filter }).pixels)).toEqual(new Set([level]));
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  test('computes a window as the part of the whole', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
    const filters = fc.constantFrom<Filter>('nearest', 'box', 'bilinear', 'bicubic');
    fc.assert(
      fc.property(
        pictures(16),
        fc.tuple(side, side, share, share, share, share),
        filters,
        (picture, [width, height, x, y, w, h], filter) => {
          const [left, top] = [Math.floor(x * width), Math.floor(y * height)];
          const columns = 1 + Math.floor(w * (width - left));
          const rows = 1 + Math.floor(h * (height - top));
          const window = { left, top, width: columns, height: rows };
          const whole = resize(picture, width, height, { filter });
          const part = resize(picture, width, height, { filter, window });
          const channels = channelsOf(picture);
          const want = Array.from({ length: rows }, (_, row) => {
            const begin = ((top + row) * width + left) * channels;
            return [...whole.pixels.subarray(begin, begin + columns * channels)];
          });
          expect([...part.pixels]).toEqual(want.flat());
          expect([part.width, part.height]).toEqual([columns, rows]);
        },
      ),
      { seed: 3, numRuns: 300 },
    );
  });

  test('computes a window of a giant without the giant', () => {
    const strip = noise('RGB', 1000, 1);
    const window = { left: 380_000, top: 100, width: 32, height: 16 };
    expect(resize(strip, 1_000_000, 400_000, { window }).pixels.length).toBe(32 * 16 * 3);
  });

  test('takes the nearest pixel of what is paletted, whatever filter is asked for', () => {
    const picture = noise('RGBA', 13, 11, 4, { paletted: true });
    const got = resize(picture, 5, 17, { filter: 'bicubic' });
    for (let y = 0; y < 17; y++) {
      for (let x = 0; x < 5; x++) {
        const [fromX, fromY] = [
          Math.floor(((x + 0.5) * 13) / 5),
          Math.floor(((y + 0.5) * 11) / 17),
        ];
        const pixel = (of: Picture, i: number) => [...of.pixels.subarray(4 * i, 4 * i + 4)];
        expect(pixel(got, y * 5 + x)).toEqual(pixel(picture, fromY * 13 + fromX));
      }
    }
    expect(got.paletted).toBe(true);
  });

  test('keeps the colour of what is transparent out of what is not', () => {
    const pixels = Uint8Array.of(200, 0, 0, 255, 0, 255, 0, 0);
    const [red, green, , alpha] = resize(makePicture('RGBA', 2, 1, pixels), 1, 1).pixels;
    expect([red, green, alpha]).toEqual([199, 0, 128]);
  });

  test.each([
    { left: -1, top: 0, width: 1, height: 1 },
    { left: 0, top: 0, width: 5, height: 1 },
    { left: 0, top: 3, width: 1, height: 2 },
    { left: 0, top: 0, width: 0, height: 1 },
    { left: 0.5, top: 0, width: 1, height: 1 },
  ])('refuses the window %j', (window) => {
    expect(() => resize(noise('L', 2, 2), 4, 4, { window })).toThrow(
      expect.objectContaining({
        code: 'ERR_VALUE',
        message: expect.stringContaining('expected the window to be a part of 4 x 4 pixels'),
      }),
    );
  });

  test.each([
    ['width', 0, 2],
    ['width', 1.5, 2],
    ['width', Number.NaN, 2],
    ['height', 2, -1],
    ['height', 2, 1e9],
  ])('refuses a %s of %d x %d', (side, width, height) => {
    const got = side === 'width' ? width : height;
    expect(() => resize(noise('L', 2, 2), width, height, { window: tiny })).toThrow(
      expect.objectContaining({
        code: 'ERR_VALUE',
        message: `resize: expected ${side} to be a whole number from 1 to 67108864, got ${got}`,
      }),
    );
  });

  test.each([
    [16_385, 1, 'at most 16384 pixels a side'],
    [6000, 4001, 'of at most 24000000 pixels'],
  ])('refuses to make %d x %d pixels', (width, height, expected) => {
    expect(() => resize(noise('L', 2, 2), width, height)).toThrow(
      expect.objectContaining({
        code: 'ERR_VALUE',
        message: `resize: expected the result to be ${expected}, got ${width} x ${height}`,
      }),
    );
  });

  test.each(['foo', 'toString', null, 3])('refuses the filter %j', (filter) => {
    expect(() => resize(noise('L', 2, 2), 2, 2, { filter: filter as Filter })).toThrow(
      expect.objectContaining({
        code: 'ERR_VALUE',
        message: `resize: expected filter to be one of nearest, box, bilinear, bicubic, got ${JSON.stringify(filter)}`,
      }),
    );
  });
});

const tiny = { left: 0, top: 0, width: 1, height: 1 };

import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import { decodePicture } from '../../lib/image/decode.ts';
import type { Picture } from '../../lib/image/picture.ts';
import { pictureLimits } from '../../lib/image/picture_limits.ts';
import { jpegWithGainMap, noise, type PngToWrite, png, pngChunk } from './pictures.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-decode-'));
afterAll(() => rmSync(folder, { recursive: true }));

const grey = (bits: number, samples: readonly number[], ...chunks: Buffer[]): Buffer =>
  png({ width: samples.length, height: 1, bits, colour: 0, samples, chunks });
const transparent = (...values: number[]): Buffer =>
  pngChunk('tRNS', Buffer.concat(values.map((value) => Buffer.from([value >> 8, value & 0xff]))));
const palette = pngChunk('PLTE', Buffer.from([10, 20, 30, 40, 50, 60, 70, 80, 90]));

const refused = (source: string | Uint8Array, name?: string): Promise<string> =>
  decodePicture(source, name === undefined ? {} : { name }).then(
    (picture) => `read as ${picture.width} x ${picture.height}`,
    (error) => `${error.code} ${error.message}`,
  );

describe('decodePicture of a PNG', () => {
  const facts = ({ mode, paletted, transparentLevel, pixels }: Picture) => ({
    mode,
    paletted,
    transparentLevel,
    pixels: [...pixels],
  });
  const cases: [string, Buffer, object][] = [
    ['1-bit grey', grey(1, [0, 1]), { mode: 'L', paletted: true, pixels: [0, 255] }],
    [
      '1-bit grey with a transparent white',
      grey(1, [0, 1], transparent(1)),
      { mode: 'L', paletted: true, transparentLevel: 255, pixels: [0, 255] },
    ],
    ['2-bit grey', grey(2, [0, 1, 3]), { mode: 'L', pixels: [0, 85, 255] }],
    ['4-bit grey', grey(4, [0, 1, 15]), { mode: 'L', pixels: [0, 17, 255] }],
    [
      '8-bit grey with a transparent level',
      grey(8, [0, 77, 255], transparent(77)),
      { mode: 'L', transparentLevel: 77, pixels: [0, 77, 255] },
    ],
    ['16-bit grey', grey(16, [0x12ff, 0xff00]), { mode: 'L', pixels: [0x12, 0xff] }],
    [
      '16-bit grey with a transparent level',
      grey(16, [0x1234, 0x1235], transparent(0x1234)),
      { mode: 'LA', pixels: [0x12, 0, 0x12, 255] },
    ],
    [
      'a palette',
      png({ width: 2, height: 1, bits: 2, colour: 3, samples: [2, 1], chunks: [palette] }),
      { mode: 'RGB', paletted: true, pixels: [70, 80, 90, 40, 50, 60] },
    ],
    [
      'a palette with alpha',
      png({
        ...{ width: 2, height: 1, bits: 8, colour: 3, samples: [2, 0] },
        chunks: [palette, pngChunk('tRNS', Buffer.from([7]))],
      }),
      { mode: 'RGBA', paletted: true, pixels: [70, 80, 90, 255, 10, 20, 30, 7] },
    ],
    [
      'a palette with alphas of no colour',
      png({
        ...{ width: 1, height: 1, bits: 8, colour: 3, samples: [1] },
        chunks: [palette, pngChunk('tRNS', Buffer.alloc(0))],
      }),
      { mode: 'RGB', paletted: true, pixels: [40, 50, 60] },
    ],
    [
      'RGB with a transparent colour, which Pillow does not heed',
      png({
        ...{ width: 2, height: 1, bits: 8, colour: 2, samples: [1, 2, 3, 4, 5, 6] },
        chunks: [transparent(1, 2, 3)],
      }),
      { mode: 'RGB', pixels: [1, 2, 3, 4, 5, 6] },
    ],
    [
      '16-bit RGB',
      png({ width: 1, height: 1, bits: 16, colour: 2, samples: [0x01ff, 0x80ff, 0xfeff] }),
      { mode: 'RGB', pixels: [1, 0x80, 0xfe] },
    ],
    [
      'grey and alpha',
      png({ width: 2, height: 1, bits: 8, colour: 4, samples: [9, 8, 7, 255] }),
      { mode: 'LA', pixels: [9, 8, 7, 255] },
    ],
    [
      '16-bit grey and alpha',
      png({ width: 1, height: 1, bits: 16, colour: 4, samples: [0x8cff, 0x8230] }),
      { mode: 'LA', pixels: [0x8c, 0x82] },
    ],
    [
      'RGB and alpha',
      png({ width: 1, height: 1, bits: 8, colour: 6, samples: [1, 2, 3, 0] }),
      { mode: 'RGBA', pixels: [1, 2, 3, 0] },
    ],
    [
      '16-bit RGB and alpha',
      png({ width: 1, height: 1, bits: 16, colour: 6, samples: [0x1ff, 0x2ff, 0x3ff, 0x4ff] }),
      { mode: 'RGBA', pixels: [1, 2, 3, 4] },
    ],
  ];
  test.each(cases)('reads %s as Pillow does', async (_, file, want) => {
    const plain = { paletted: false, transparentLevel: undefined };
    expect(facts(await decodePicture(file))).toEqual({ ...plain, ...want });
  });
});

describe('decodePicture', () => {
  const { width, height, pixels } = noise('RGB', 6, 4);
  const raw = { width, height, channels: 3 } as const;
  const image = () => sharp(pixels, { raw });

  test.each(['jpeg', 'webp', 'avif', 'png'] as const)(
    'reads %s from bytes and path',
    async (format) => {
      const bytes = await image().toFormat(format).toBuffer();
      const path = join(folder, `x.${format}.whatever`);
      writeFileSync(path, bytes);
      const got = await decodePicture(path);
      expect(got).toMatchObject({ mode: 'RGB', width: 6, height: 4, orientation: 1 });
      expect(await decodePicture(new Uint8Array(bytes))).toEqual(got);
    },
  );

  test('keeps the inks of a CMYK JPEG', async () => {
    const bytes = await image().toColourspace('cmyk').jpeg().toBuffer();
    expect(await decodePicture(bytes)).toMatchObject({ mode: 'CMYK', width: 6, height: 4 });
  });

  test('reads a grey JPEG as grey', async () => {
    const bytes = await image().toColourspace('b-w').jpeg().toBuffer();
    expect((await decodePicture(bytes)).mode).toBe('L');
  });

  test('does not apply colour profiles', async () => {
    const plain = await decodePicture(await image().png().toBuffer());
    const profiled = await image().withIccProfile('p3', { attach: true }).png().toBuffer();
    const { data } = await sharp(profiled, { ignoreIcc: true })
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([...(await decodePicture(profiled)).pixels]).toEqual([...data]);
    expect([...data]).not.toEqual([...plain.pixels]);
  });

  test('reads the first frame of several', async () => {
    const frames = Buffer.concat([pixels, pixels.map((level) => 255 - level)]);
    const animated = await sharp(frames, { raw: { ...raw, height: 8, pageHeight: 4 } })
      .webp({ lossless: true })
      .toBuffer();
    expect((await sharp(animated).metadata()).pages).toBe(2);
    const got = await decodePicture(animated);
    expect([got.width, got.height, ...got.pixels]).toEqual([6, 4, ...pixels]);
  });

  test('notes the orientation of EXIF, and does not apply it', async () => {
    for (const format of ['jpeg', 'webp', 'png'] as const) {
      const turned = await image().withMetadata({ orientation: 6 }).toFormat(format).toBuffer();
      expect(await decodePicture(turned)).toMatchObject({ orientation: 6, width: 6, height: 4 });
    }
  });

  test('notes the orientation of XMP where EXIF has none', async () => {
    const xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="8"/></x:xmpmeta>';
    const bytes = await image().withXmp(xmp).jpeg().toBuffer();
    expect((await decodePicture(bytes)).orientation).toBe(8);
    const both = await image().withMetadata({ orientation: 3 }).withXmp(xmp).jpeg().toBuffer();
    expect((await decodePicture(both)).orientation).toBe(3);
  });

  test('says what it cannot read', async () => {
    expect(await refused(join(folder, 'none.png'))).toContain(
      `ERR_INPUT ${join(folder, 'none.png')}: expected the picture to be readable, got ENOENT`,
    );
    expect(await refused(folder)).toBe(
      `ERR_INPUT ${folder}: expected the path to be a regular file, got something else`,
    );
    expect(await refused('/dev/zero')).toContain('expected the path to be a regular file');
  });

  test.each<[string, unknown]>([
    ['a Sharp. Pass what its toBuffer() resolves to', sharp(Buffer.alloc(3))],
    ['a URL. Pass fileURLToPath() of it', new URL('file:///a.png')],
    ['an ArrayBuffer. Pass a new Uint8Array of it', new ArrayBuffer(8)],
    ['a Uint16Array', new Uint16Array(8)],
    ['undefined', undefined],
    ['null', null],
    ['7', 7],
    ['an object', {}],
    ['an Array', [1, 2]],
  ])('refuses what is neither a path nor bytes: %s', async (got, source) => {
    const message = `expected the source to be a path or a Uint8Array of the bytes of a file, got ${got}`;
    expect(await refused(source as string)).toBe(`ERR_INPUT picture: ${message}`);
    expect(await refused(source as string, 'x')).toBe(`ERR_INPUT x: ${message}`);
  });

  test('cuts a name that is long short', async () => {
    const url = `data:image/png;base64,${'A'.repeat(10_000)}`;
    const shown = `${url.slice(0, 200)}...`;
    const message = await refused(url);
    expect(message).toContain(`ERR_INPUT ${shown}: expected the picture to be readable, got ENAME`);
    expect(message.length).toBeLessThan(600);
    expect((await decodePicture(grey(8, [0]), { name: undefined })).width).toBe(1);
    expect(await refused(Buffer.alloc(0), url)).toContain(`ERR_INPUT ${shown}: expected the pic`);
    const path = 'x'.repeat(200);
    expect(await refused(path)).toContain(`ERR_INPUT ${path}: `);
  });

  test('does not read a file that is larger than a picture may be', async () => {
    const path = join(folder, 'large.png');
    closeSync(openSync(path, 'w'));
    truncateSync(path, pictureLimits.bytes + 1);
    expect(await refused(path)).toBe(
      `ERR_INPUT ${path}: expected the picture to be of at most 268435456 bytes, got 268435457`,
    );
  });

  test.each([
    ['an empty file', ''],
    ['a GIF', 'GIF89a\x01\0\x01\0\0\0\0;'],
    ['an SVG or other XML', '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'],
    ['an SVG or other XML', '  <?xml version="1.0"?><svg/>'],
    ['a TIFF', 'II*\0\x08\0\0\0'],
    ['a BMP', 'BM\0\0\0\0'],
    ['a PDF', '%PDF-1.7'],
    ['a video, or a HEIC', '\0\0\0\x18ftypheic\0\0\0\0mif1heic'],
    ['a file that begins with 7f454c46', '\x7fELF'],
  ])('refuses %s', async (what, content) => {
    expect(await refused(Buffer.from(content, 'latin1'), 'upload.png')).toBe(
      'ERR_INPUT upload.png: expected the picture to be a JPEG, PNG, WebP or AVIF file, ' +
        `got ${what}. Convert it to one of these`,
    );
  });

  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>');

  test('leaves what the process reads besides to the process', async () => {
    const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
    const tiff = await image().tiff().toBuffer();
    await decodePicture(grey(8, [0]));
    expect((await sharp(gif).metadata()).format).toBe('gif');
    expect((await sharp(tiff).metadata()).format).toBe('tiff');
    sharp.block({ operation: ['VipsForeignLoadSvg'] });
    try {
      await decodePicture(grey(8, [0]));
      await expect(sharp(svg).metadata()).rejects.toThrow('unsupported image format');
    } finally {
      sharp.unblock({ operation: ['VipsForeignLoadSvg'] });
    }
    expect((await sharp(svg).metadata()).format).toBe('svg');
  });

  test('says which formats the process has blocked', async () => {
    const avif = await image().avif().toBuffer();
    sharp.block({ operation: ['VipsForeignLoadHeif'] });
    try {
      expect(await refused(avif, 'x.avif')).toBe(
        'ERR_INPUT x.avif: expected AVIF to be a format that sharp reads in this process, got one ' +
          'that it does not. Unblock its loader, VipsForeignLoadHeif',
      );
    } finally {
      sharp.unblock({ operation: ['VipsForeignLoadHeif'] });
    }
    expect((await decodePicture(avif)).width).toBe(6);
  });

  test('never draws SVG, whatever it begins like', async () => {
    expect(await refused(svg)).toMatch(/^ERR_INPUT .* got an SVG or other XML/);
    const begins = [
      '\xff\xd8\xff\xe0',
      '\x89PNG\r\n\x1a\n',
      'RIFF\x40\0\0\0WEBPVP8 ',
      '\0\0\0\x18ftypavif\0\0\0\0mif1avif',
    ];
    for (const begin of begins) {
      const hidden = Buffer.concat([Buffer.from(begin, 'latin1'), svg]);
      expect(await refused(hidden)).toMatch(/^ERR_INPUT picture: expected /);
    }
    // Well-formed XML, with the signature of AVIF at its place in a comment.
    const comment = Buffer.concat([Buffer.from('<!--ftypavif-->'), svg]);
    expect((await sharp(comment).metadata()).format).toBe('svg');
    expect(await refused(comment)).toMatch(
      /^ERR_INPUT .* a JPEG, PNG, WebP or AVIF file, got an SVG or other XML/,
    );
  });

  test('reads a JPEG with a gain map by the loader of JPEG', async () => {
    const file = await jpegWithGainMap();
    const { pixels } = await decodePicture(file);
    expect([...pixels]).toEqual([...(await sharp(file, { ignoreIcc: true }).raw().toBuffer())]);
    sharp.block({ operation: ['VipsForeignLoadJpeg'] });
    try {
      expect(await refused(file)).toContain('Unblock its loader, VipsForeignLoadJpeg');
    } finally {
      sharp.unblock({ operation: ['VipsForeignLoadJpeg'] });
    }
  });

  test('refuses what is cut short or damaged', async () => {
    const big = noise('RGB', 64, 64);
    for (const format of ['jpeg', 'webp', 'avif', 'png'] as const) {
      const bytes = await sharp(big.pixels, { raw: { width: 64, height: 64, channels: 3 } })
        .toFormat(format)
        .toBuffer();
      const cut = bytes.subarray(0, Math.floor(bytes.length * 0.7));
      expect(await refused(cut, 'cut')).toMatch(/^ERR_INPUT cut: expected (the picture|the chunk)/);
    }
    const file = grey(8, [1, 2, 3, 4]);
    file[45]! ^= 0xff;
    expect(await refused(file)).toMatch(
      /^ERR_INPUT picture: expected the picture to be a whole PNG/,
    );
  });

  test('refuses a PNG whose pixels have not the channels that its header says', async () => {
    // Before the palette it means nothing to the decoder.
    const early = pngChunk('tRNS', Buffer.from([7]));
    const file = png({
      ...{ width: 2, height: 1, bits: 8, colour: 3, samples: [0, 1] },
      chunks: [early, palette],
    });
    expect(await refused(file)).toMatch(
      /^ERR_INPUT picture: expected the picture to be a whole PNG/,
    );
  });

  test.each([
    ['at least 1 pixel a side, got 0 x 5', 0, 5],
    ['at least 1 pixel a side, got 5 x 0', 5, 0],
    ['at most 16384 pixels a side, got 16385 x 1. Scale it down first', 16385, 1],
    ['of at most 24000000 pixels, got 5000 x 4801. Scale it down first', 5000, 4801],
    ['at most 16384 pixels a side, got 2147483647 x 2147483647', 2147483647, 2147483647],
  ])('refuses a PNG that claims a size: %s', async (message, width, height) => {
    const bomb = png({ width: 1, height: 1, bits: 8, colour: 0, samples: [0] });
    bomb.writeUInt32BE(width, 16);
    bomb.writeUInt32BE(height, 20);
    expect(await refused(bomb)).toContain(
      `ERR_INPUT picture: expected the picture to be ${message}`,
    );
  });

  test('refuses a JPEG and a WebP that claim too large a size', async () => {
    const jpeg = await image().jpeg().toBuffer();
    const at = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
    jpeg.writeUInt16BE(60000, at + 5);
    expect(await refused(jpeg)).toContain('at most 16384 pixels a side, got 6 x 60000');
    const webp = await image().webp({ lossless: true }).toBuffer();
    // 14 bits each of width and height less 1, after the signature of VP8L.
    webp.writeUInt32LE(8191 | (8191 << 14), webp.indexOf('VP8L') + 9);
    expect(await refused(webp)).toContain('of at most 24000000 pixels, got 8192 x 8192');
  });

  test('refuses a JPEG of many scans', async () => {
    const jpeg = await image().jpeg({ progressive: true }).toBuffer();
    const scan = jpeg.subarray(jpeg.lastIndexOf(Buffer.from([0xff, 0xda])), jpeg.length - 2);
    const many = Buffer.concat([jpeg.subarray(0, -2), ...Array(100).fill(scan), jpeg.subarray(-2)]);
    expect(await refused(many)).toMatch(
      /expected the picture to be of at most 100 scans, got 1\d\d$/,
    );
  });
});

test('PNG files of every size and filter are read as they were written', async () => {
  const kinds: Pick<PngToWrite, 'bits' | 'colour'>[] = [
    { bits: 8, colour: 0 },
    { bits: 8, colour: 2 },
    { bits: 8, colour: 4 },
    { bits: 8, colour: 6 },
  ];
  const channels = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
  for (const kind of kinds) {
    for (const [width, height] of [
      [1, 1],
      [3, 7],
      [33, 2],
    ] as const) {
      const mode = (['L', 'LA', 'RGB', 'RGBA'] as const)[channels[kind.colour] - 1]!;
      const { pixels } = noise(mode, width, height, width);
      const got = await decodePicture(png({ ...kind, width, height, samples: [...pixels] }));
      expect(got).toMatchObject({ mode, width, height });
      expect([...got.pixels]).toEqual([...pixels]);
    }
  }
});

import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { withoutMpf } from '../../lib/image/jpeg_mpf.ts';
import { jpegWithGainMap, noise } from './pictures.ts';

describe('withoutMpf', () => {
  test('hides a gain map from libvips, and changes neither pixels nor its argument', async () => {
    const file = await jpegWithGainMap();
    const before = Buffer.from(file);
    expect((await sharp(file).metadata()).gainMap).toBeDefined();
    const alone = withoutMpf(file);
    expect((await sharp(alone).metadata()).gainMap).toBeUndefined();
    expect(await sharp(alone).raw().toBuffer()).toEqual(await sharp(file).raw().toBuffer());
    expect(file).toEqual(before);
  });

  test('hides every list, however its marker is filled, in a part of a buffer', () => {
    const segment = '\xff\xff\xe2\0\x08MPF\0ab';
    const bytes = Buffer.from(`..\xff\xd8${segment}${segment}\xff\xe2\0\x05MPE\xff\xe2`, 'latin1');
    expect(Buffer.from(withoutMpf(bytes.subarray(2))).toString('latin1')).toBe(
      bytes.toString('latin1', 2).replaceAll('MPF', 'mpf'),
    );
  });

  test('gives back the bytes of a file without one', async () => {
    const { pixels } = noise('RGB', 6, 4);
    const file = await sharp(pixels, { raw: { width: 6, height: 4, channels: 3 } })
      .withIccProfile('p3')
      .jpeg()
      .toBuffer();
    expect(file.includes(Buffer.from([0xff, 0xe2]))).toBe(true);
    expect(withoutMpf(file)).toBe(file);
  });
});

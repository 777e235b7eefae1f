import { describe, expect, test } from 'vitest';
import { render } from '../../../lib/curate/world/render.ts';
import { Svg, sheet } from '../../../lib/curate/world/svg.ts';
import { decodePicture } from '../../../lib/image/decode.ts';
import { encodePicture } from '../../../lib/image/encode.ts';

describe('render', () => {
  test('draws pixels of the size that was asked for, in the colours of the drawing', async () => {
    const { mode, width, height, pixels } = await render(new Svg().add(sheet('#336699')), 17);
    expect([mode, width, height]).toEqual(['RGB', 17, 17]);
    for (let i = 0; i < pixels.length; i += 3) {
      expect([...pixels.subarray(i, i + 3)]).toEqual([0x33, 0x66, 0x99]);
    }
  });

  test('draws after pictures were decoded, which blocks other formats', async () => {
    const picture = await render(new Svg().add(sheet('#ff0000')), 16);
    const { pixels } = await decodePicture(await encodePicture(picture));
    expect(Buffer.compare(pixels, picture.pixels)).toBe(0);
    expect(await render(new Svg().add(sheet('#ff0000')), 16)).toEqual(picture);
  });

  test.each([0, 15, 1025, 20.5, Number.NaN])('refuses a size of %s', async (size) => {
    await expect(render(new Svg(), size)).rejects.toThrow(
      `render: expected size to be a whole number from 16 to 1024, got ${size}`,
    );
  });
});

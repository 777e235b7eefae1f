import { describe, expect, test } from 'vitest';
import { drawStyle } from '../../../lib/curate/world/styles/draw_style.ts';
import { parseStyle, worldStyliser } from '../../../lib/curate/world/world_styliser.ts';

const style = drawStyle(7);
const request = { style, prompt: 'a picture of an owl', seed: 3, size: 32 };

describe('the picture world as a styliser', () => {
  test('answers the same request with the same picture, and another with another', async () => {
    const picture = await worldStyliser.stylise(request);
    expect([picture.mode, picture.width, picture.height]).toEqual(['RGB', 32, 32]);
    expect(await worldStyliser.stylise(request)).toEqual(picture);
    const others = [{ seed: 4 }, { prompt: 'a picture of a cat' }, { style: drawStyle(8) }];
    for (const other of others) {
      expect((await worldStyliser.stylise({ ...request, ...other })).pixels).not.toEqual(
        picture.pixels,
      );
    }
  });

  test('refuses what it cannot draw', async () => {
    const refused = (change: object) =>
      expect(worldStyliser.stylise({ ...request, ...change })).rejects;
    await refused({ prompt: 'a thought' }).toThrow('expected caption to name a subject');
    await refused({ size: 8 }).toThrow(
      'render: expected size to be a whole number from 16 to 1024, got 8',
    );
    await refused({ size: 32.5 }).toThrow('got 32.5');
    await refused({ seed: -1 }).toThrow(
      'stylise: expected seed to be a whole number in [0, 2^53), got -1',
    );
    await refused({ signal: AbortSignal.abort() }).toThrow('aborted');
  });
});

describe('a style from outside', () => {
  test('is read as it was written', () => {
    expect(parseStyle(JSON.parse(JSON.stringify(style)))).toEqual(style);
  });

  test.each([
    ['nothing', undefined, 'style'],
    ['a family that there is not', { ...style, family: '<svg>' }, 'style.family'],
    ['a hue that is text', changed({ hue: '"/><image href="x"/>' }), 'style.parameters.hue'],
    ['a hue out of range', changed({ hue: 360 }), 'style.parameters.hue'],
    ['a chroma that is no number', changed({ chroma: Number.NaN }), 'style.parameters.chroma'],
    ['an unknown backdrop', changed({ backdrop: 'toString' }), 'style.parameters.backdrop'],
    ['a parameter too many', changed({ more: 1 }), 'style.parameters'],
    ['a parameter too few', changed({ angle: undefined }), 'style.parameters.angle'],
  ])('is refused with %s', (_, value, place) => {
    const message = expect.stringContaining(`parseStyle: expected ${place} to be as`);
    expect(() => parseStyle(value)).toThrow(
      expect.objectContaining({ code: 'ERR_INPUT', message }),
    );
  });
});

function changed(parameters: object): object {
  return { ...style, parameters: { ...style.parameters, ...parameters } };
}

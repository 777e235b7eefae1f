import { type Colour, hex } from './colour.ts';
import type { Random } from './random.ts';
import { canvas, element, group, type Svg, sheet, short } from './svg.ts';

/** A filter over the whole canvas, in sRGB: the value of `filter`. */
export const filter = (svg: Svg, ...primitives: readonly string[]): string =>
  svg.define((id) =>
    element(
      'filter',
      {
        id,
        filterUnits: 'userSpaceOnUse',
        x: 0,
        y: 0,
        width: canvas,
        height: canvas,
        'color-interpolation-filters': 'sRGB',
      },
      primitives.join(''),
    ),
  );

/** A Gaussian blur: the value of `filter`. */
export const blurred = (svg: Svg, deviation: number): string =>
  filter(svg, element('feGaussianBlur', { stdDeviation: deviation }));

/** Perlin's turbulence; `frequency` in waves per unit. */
export const turbulence = (
  random: Random,
  frequency: number | string,
  octaves: number,
  result?: string,
): string =>
  element('feTurbulence', {
    type: 'fractalNoise',
    baseFrequency:
      typeof frequency === 'number' ? `${Math.round(frequency * 1e4) / 1e4}` : frequency,
    numOctaves: octaves,
    seed: random.integer(1, 9999),
    result,
  });

/** Edges moved by turbulence: the value of `filter`. */
export const roughened = (svg: Svg, random: Random, amount: number, frequency: number): string =>
  filter(
    svg,
    turbulence(random, frequency, 2, 'noise'),
    element('feDisplacementMap', {
      in: 'SourceGraphic',
      in2: 'noise',
      scale: amount,
      xChannelSelector: 'R',
      yChannelSelector: 'G',
    }),
  );

/**
 * A picture with holes where turbulence is low, as chalk and wax leave them.
 *
 * @param cover  how much of it is left, in [0, 1]
 */
export const worn = (
  svg: Svg,
  random: Random,
  cover: number,
  frequency: number | string,
  displacement = 0,
): string =>
  filter(
    svg,
    turbulence(random, frequency, 2, 'noise'),
    element('feColorMatrix', {
      in: 'noise',
      type: 'matrix',
      values: `0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 3.4 0 0 0 ${short(-1.7 + 2 * (cover - 0.25))}`,
      result: 'mask',
    }),
    ...(displacement > 0
      ? [
          element('feDisplacementMap', {
            in: 'SourceGraphic',
            in2: 'noise',
            scale: displacement,
            xChannelSelector: 'G',
            yChannelSelector: 'B',
            result: 'moved',
          }),
        ]
      : []),
    element('feComposite', {
      in: displacement > 0 ? 'moved' : 'SourceGraphic',
      in2: 'mask',
      operator: 'in',
    }),
  );

/** Grain over the whole canvas, of one colour, `strength` in [0, 1]. */
export function grain(
  svg: Svg,
  random: Random,
  strength: number,
  frequency: number | string = 0.31,
  tint: Colour = { l: 0.1, c: 0.02, h: 60 },
): string {
  const speckle = filter(
    svg,
    turbulence(random, frequency, 2, 'noise'),
    element('feColorMatrix', {
      in: 'noise',
      type: 'matrix',
      values: `0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 ${short(3.2 * strength)} 0 0 0 ${short(-1.45 * strength)}`,
      result: 'mask',
    }),
    element('feComposite', { in: 'SourceGraphic', in2: 'mask', operator: 'in' }),
  );
  return group({ filter: speckle }, [sheet(hex(tint))]);
}

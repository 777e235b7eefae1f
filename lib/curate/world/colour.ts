/**
 * A colour in OKLCH (Ottosson 2020): lightness in [0, 1], chroma from 0 (grey) to about 0.3, hue in
 * degrees. Equal steps look equally large, so palettes are computed here.
 */
export interface Colour {
  readonly l: number;
  readonly c: number;
  readonly h: number;
}

/** A colour by lightness, chroma and hue. */
export const colour = (l: number, c: number, h: number): Colour => ({ l, c, h });

/** `#rrggbb`; a chroma that sRGB cannot show is lowered until it can, keeping lightness and hue. */
export function hex({ l, c, h }: Colour): string {
  const lightness = Math.min(Math.max(l, 0), 1);
  if (lightness === 0 || lightness === 1) return lightness ? '#ffffff' : '#000000';
  let [low, high] = [0, Math.max(c, 0)];
  let rgb = linearRgb(lightness, high, h);
  if (!isShown(rgb)) {
    for (let step = 0; step < 10; step++) {
      const middle = (low + high) / 2;
      if (isShown(linearRgb(lightness, middle, h))) low = middle;
      else high = middle;
    }
    rgb = linearRgb(lightness, low, h);
  }
  const levels = rgb.map((value) => Math.round(255 * encoded(Math.min(Math.max(value, 0), 1))));
  return `#${levels.map((level) => level.toString(16).padStart(2, '0')).join('')}`;
}

/** A colour written `#rrggbb`. */
export function parseHex(text: string): Colour {
  const level = (at: number) => Number.parseInt(text.slice(at, at + 2), 16);
  const [l, labA, labB] = labOf(level(1), level(3), level(5));
  return { l, c: Math.hypot(labA, labB), h: hueOf(labA, labB) };
}

/**
 * Levels of sRGB in OKLab (Ottosson 2020).
 *
 * @param red  in [0, 255], whole numbers, as the others
 * @returns    lightness in [0, 1]; the axes from green to red and from blue to yellow, within 0.33 of 0
 */
export function labOf(
  red: number,
  green: number,
  blue: number,
): readonly [l: number, a: number, b: number] {
  const [r, g, v] = [decodedLevels[red]!, decodedLevels[green]!, decodedLevels[blue]!];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * v);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * v);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * v);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** Lighter by `by` of [-1, 1]: 1 is white, -1 is black, and chroma is halved towards both. */
export function shade({ l, c, h }: Colour, by: number): Colour {
  const t = Math.min(Math.abs(by), 1);
  return { l: by > 0 ? l + (1 - l) * t : l * (1 - t), c: c * (1 - t * 0.5), h };
}

/** The colour `t` of the way from `a` to `b`, along a straight line in OKLab. */
export function mix(a: Colour, b: Colour, t: number): Colour {
  const [x, y] = [cartesian(a), cartesian(b)];
  const blend = (from: number, to: number) => from + (to - from) * t;
  const [labA, labB] = [blend(x.a, y.a), blend(x.b, y.b)];
  return { l: blend(a.l, b.l), c: Math.hypot(labA, labB), h: hueOf(labA, labB) };
}

const cartesian = ({ c, h }: Colour) => ({
  a: c * Math.cos((h * Math.PI) / 180),
  b: c * Math.sin((h * Math.PI) / 180),
});

const hueOf = (labA: number, labB: number): number =>
  ((Math.atan2(labB, labA) * 180) / Math.PI + 360) % 360;

type Rgb = readonly [number, number, number];

/** OKLab to linear sRGB, by the matrices of its author. */
function linearRgb(lightness: number, c: number, h: number): Rgb {
  const { a, b } = cartesian({ l: lightness, c, h });
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

const isShown = (rgb: Rgb): boolean => rgb.every((value) => value >= -1e-4 && value <= 1.0001);

/** The transfer function of sRGB. */
const encoded = (value: number): number =>
  value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055;

const decoded = (value: number): number =>
  value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;

const decodedLevels = Float64Array.from({ length: 256 }, (_, level) => decoded(level / 255));

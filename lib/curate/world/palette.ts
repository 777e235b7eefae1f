import { type Colour, colour, shade } from './colour.ts';
import type { Part, Role } from './drawing.ts';
import type { StyleParameters } from './styles/style.ts';

/** How the hues of a palette lie on the colour circle. */
export const harmonies = ['mono', 'analogous', 'complement', 'split', 'triad'] as const;
/** One of `harmonies`. */
export type Harmony = (typeof harmonies)[number];

/** Degrees from the first hue to the second and to the third. */
const steps: Readonly<Record<Harmony, readonly [number, number]>> = {
  mono: [8, -8],
  analogous: [38, -38],
  complement: [180, 24],
  split: [150, 210],
  triad: [120, 240],
};

/** The colours of one style. */
export interface Palette {
  /** What is printed, painted or drawn with lines. */
  readonly ink: Colour;
  readonly paper: Colour;
  /** Of every role, `ground` being what lies around the subject. */
  readonly roles: Readonly<Record<Role, Colour>>;
}

/** The palette that a style's parameters mean, before its family changes it. */
export function paletteOf({ hue, harmony, chroma, contrast, depth }: StyleParameters): Palette {
  const [second, third] = steps[harmony].map((step) => (hue + step + 360) % 360) as [
    number,
    number,
  ];
  const c = 0.075 + 0.11 * chroma;
  const deep = depth < 0.35;
  // Lightness around 0.62, pulled apart by contrast; lighter on a dark ground.
  const lift = deep ? 0.05 : 0;
  const role = (lightness: number, share: number, at: number) => {
    const l = 0.62 + (lightness - 0.62) * (0.8 + 0.4 * contrast) + lift;
    return colour(l + 0.13 * yellowness(at) * Math.min(l / 0.6, 1), c * share, at);
  };
  const ground = deep
    ? colour(0.23 + depth * 0.3, Math.min(c, 0.085) * (1 - 0.75 * yellowness(third)), third)
    : colour(0.8 + (depth - 0.35) * 0.18, c * 0.46, third);
  return {
    ink: colour(0.22, 0.035, hue),
    paper: colour(0.95, 0.022, third),
    roles: {
      body: role(0.63, 1, hue),
      trim: role(0.46, 0.92, hue - 12),
      accent: role(0.7, 1.15, second),
      pale: colour(0.955, 0.022, third),
      dark: colour(deep ? 0.13 : 0.27, 0.035, hue),
      eye: colour(0.16, 0.02, hue),
      window: role(0.84, 0.6, third + 20),
      foliage: role(0.56, 0.95, third),
      wood: role(0.45, 0.7, second),
      glow: role(0.88, 0.95, second),
      ground,
    },
  };
}

/** How close a hue is to yellow, in [0, 1]: dark yellows look dirty, light ones pure. */
export const yellowness = (hue: number): number =>
  Math.max(0, Math.cos(((hue - 100) * Math.PI) / 180)) ** 2;

/** The colour of a part in a palette. */
export const colourOf = (
  { roles }: Palette,
  { role, tone }: Pick<Part, 'role' | 'tone'>,
): Colour => (tone === 0 ? roles[role] : shade(roles[role], tone));

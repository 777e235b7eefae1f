import type { Part } from '../drawing.ts';
import type { Palette } from '../palette.ts';
import type { Random } from '../random.ts';
import type { Svg } from '../svg.ts';
import type { StyleParameters } from './style.ts';

/** What a family paints on, and what it paints with. */
export interface Easel {
  readonly svg: Svg;
  /** The subject, placed on the canvas of 128 x 128, from the back to the front. */
  readonly parts: readonly Part[];
  /** What is behind it, of the role `ground`; the first covers the canvas. */
  readonly behind: readonly Part[];
  readonly palette: Palette;
  readonly style: StyleParameters;
  /** Draws for this one picture. */
  readonly random: Random;
}

/** A way of making pictures. */
export interface Family {
  readonly name: string;
  /** What it looks like, for people. */
  readonly about: string;
  readonly paint: (easel: Easel) => void;
}

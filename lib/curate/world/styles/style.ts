import type { Harmony } from '../palette.ts';

/** How a picture is made, without what it shows. A plain object: JSON keeps it. */
export interface Style {
  /** The name of a family of `families`. */
  readonly family: string;
  readonly parameters: StyleParameters;
}

/** What varies within a family; a family may leave some of them unused. */
export interface StyleParameters {
  /** Of the palette's first colour, degrees in [0, 360). */
  readonly hue: number;
  readonly harmony: Harmony;
  /** From dull to vivid, in [0, 1], as the following are from little to much. */
  readonly chroma: number;
  readonly contrast: number;
  /** How light the ground is; below 0.35 it is dark. */
  readonly depth: number;
  /** Of outlines and strokes. */
  readonly weight: number;
  /** How unsteady the hand is. */
  readonly wobble: number;
  /** How large dots, tiles and stitches are, and how far lines lie apart. */
  readonly scale: number;
  /** Of the grain of paper, fabric or ink. */
  readonly grain: number;
  /** Of strokes, and where light comes from; degrees in [0, 180). */
  readonly angle: number;
  readonly backdrop: BackdropName;
}

/** What lies behind the subject. */
export const backdropNames = [
  'plain',
  'disc',
  'rays',
  'stripes',
  'dots',
  'checks',
  'hills',
  'waves',
] as const;
/** One of `backdropNames`. */
export type BackdropName = (typeof backdropNames)[number];

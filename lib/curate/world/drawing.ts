import { boxOf, type Outline, type Point } from './outline.ts';
import type { Random } from './random.ts';

/**
 * What a part is of its subject, and so how a style colours it: the main mass and the second one,
 * trimmings, what stands out, what is pale or dark or an eye, glass, leaves, wood, fire and light; and what is around it.
 */
export const roles = [
  'body',
  'trim',
  'accent',
  'pale',
  'dark',
  'eye',
  'window',
  'foliage',
  'wood',
  'glow',
  'ground',
] as const;
/** What a part of a drawing is, which decides how a style paints it. */
export type Role = (typeof roles)[number];

/** A filled piece of a drawing. Later parts lie on earlier ones. */
export interface Part {
  readonly role: Role;
  readonly outline: Outline;
  /** How much lighter than its role's colour, in [-1, 1]. */
  readonly tone: number;
}

/** Adds a part to a drawing, on top of what is there; `tone` is 0 unless told. */
export type Pen = (role: Role, outline: Outline, tone?: number) => void;

/** What a subject looks like in a photograph, by the part of it. */
export type NaturalColours = Readonly<Partial<Record<Role, string>>>;

/**
 * Draws one of the many forms of a subject on a canvas of 100 x 100: it stands on y = 95, or hangs
 * or floats around (50, 50), and looks to the left where it has a front.
 */
export type Draw = (pen: Pen, random: Random) => void;

/** The parts of a drawing, the last on top. */
export function partsOf(draw: Draw, random: Random): Part[] {
  const parts: Part[] = [];
  draw((role, outline, tone = 0) => parts.push({ role, outline, tone }), random);
  return parts;
}

/** Where a drawing is put on a canvas. */
export interface Placement {
  /** Of the middle of its lower edge. */
  readonly x: number;
  readonly y: number;
  /** Of its larger side, before it is stretched. */
  readonly size: number;
  /** How much wider it is than drawn, and lower by as much; 1 is as drawn. */
  readonly stretch: number;
  readonly mirrored: boolean;
  /** Clockwise, in degrees, around the middle of its lower edge. */
  readonly lean: number;
}

/** Parts put on a canvas. */
export function place(parts: readonly Part[], placement: Placement): Part[] {
  const box = boxOf(parts.map(({ outline }) => outline));
  const scale = placement.size / Math.max(box.right - box.left, box.bottom - box.top);
  const middle = (box.left + box.right) / 2;
  const lean = (placement.lean * Math.PI) / 180;
  const [cos, sin] = [Math.cos(lean) * scale, Math.sin(lean) * scale];
  const stretch = Math.sqrt(placement.stretch);
  const flip = placement.mirrored ? -1 : 1;
  const move = ([x, y]: Point): Point => {
    const [u, v] = [(x - middle) * flip * stretch, (y - box.bottom) / stretch];
    return [placement.x + u * cos - v * sin, placement.y + u * sin + v * cos];
  };
  return parts.map((part) => ({ ...part, outline: part.outline.map(move) }));
}

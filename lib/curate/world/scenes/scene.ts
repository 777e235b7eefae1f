import { gradient } from '../brushes.ts';
import { type Colour, hex, shade } from '../colour.ts';
import type { Outline, Point } from '../outline.ts';
import type { Random } from '../random.ts';
import { canvas, path, type Svg } from '../svg.ts';

/** The places of raw pictures. */
export const sceneNames = [
  'meadow',
  'forest',
  'street',
  'room',
  'table',
  'sky',
  'sea',
  'underwater',
  'beach',
  'desert',
  'snow',
  'mountains',
  'night',
] as const;
/** One of `sceneNames`. */
export type SceneName = (typeof sceneNames)[number];

/** What a scene asks of the subject that is put into it. */
export interface Stage {
  /** Where things stand: the lower edge of the subject, on a canvas of 128. */
  readonly floor: number;
  /** Whether things on the floor throw a shadow on it. */
  readonly shadow: boolean;
  /** What passes in front of the subject, such as the waves around a ship. */
  readonly front?: () => void;
}

/** A place: where it is, for captions, and how it is painted, from the back to the front. */
export interface Scene {
  readonly name: SceneName;
  /** `on a meadow`. */
  readonly where: string;
  readonly paint: (svg: Svg, random: Random) => Stage;
}

const edge = 10;

/** Everything below a skyline that crosses the canvas. */
export const below = (line: readonly Point[]): Outline => [
  ...line,
  [canvas + edge, canvas + edge],
  [-edge, canvas + edge],
];

/** A skyline with a height drawn at every step. */
export function skyline(random: Random, y: number, rise: number, step: number): Point[] {
  const points: Point[] = [];
  for (let x = -edge; x <= canvas + edge + step; x += step) {
    points.push([x, y + random.uniform(-rise, rise)]);
  }
  return points;
}

/** An area shaded from one colour above to another below. */
export const shaded = (svg: Svg, outline: Outline, above: Colour, beneath: Colour): string =>
  path([outline], { fill: gradient(svg, [outline], 90, [above, beneath]) });

/** The whole canvas, from its upper colours to its lower ones. */
export const backdrop = (svg: Svg, ...colours: readonly Colour[]): string => {
  const whole: Outline = [
    [-edge, -edge],
    [canvas + edge, -edge],
    [canvas + edge, canvas + edge],
    [-edge, canvas + edge],
  ];
  return path([whole], { fill: gradient(svg, [whole], 90, colours) });
};

/** A colour as light or as dark as it happens to be that day. */
export const varied = (random: Random, paint: Colour, by = 0.08): Colour => {
  const turned = { ...paint, h: paint.h + random.uniform(-9, 9) };
  return shade(turned, random.uniform(-by, by));
};

/** An outline in one paint. */
export const plain = (outline: Outline, paint: Colour, opacity?: number): string =>
  path([outline], { fill: hex(paint), opacity });

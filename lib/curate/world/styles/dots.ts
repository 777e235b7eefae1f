import { bent, dots, fills } from '../brushes.ts';
import { ByColour } from '../by_colour.ts';
import { colour, hex, shade } from '../colour.ts';
import { contours } from '../contours.ts';
import { fieldOf } from '../field.ts';
import type { Point } from '../outline.ts';
import { colourOf } from '../palette.ts';
import { group, path, sheet } from '../svg.ts';
import type { Easel, Family } from './easel.ts';

/** Dots of about as many radii as there are classes, each class one path. */
function classed(found: readonly (readonly [Point, number])[], fill: string): string[] {
  const classes = new Map<number, Point[]>();
  for (const [at, radius] of found) {
    const key = Math.round(radius * 6) / 6;
    if (key <= 0) continue;
    const points = classes.get(key);
    if (points) points.push(at);
    else classes.set(key, [at]);
  }
  return [...classes].map(([radius, points]) => dots(points, radius, fill));
}

/** The points of a grid turned by `angle` degrees that covers the canvas. */
function* screen(step: number, angle: number): Generator<Point> {
  const [cos, sin] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
  const reach = Math.ceil(95 / step);
  for (let row = -reach; row <= reach; row++) {
    for (let column = -reach; column <= reach; column++) {
      const [x, y] = [
        64 + (column * cos - row * sin) * step,
        64 + (column * sin + row * cos) * step,
      ];
      if (x > -step && y > -step && x < 128 + step && y < 128 + step) yield [x, y];
    }
  }
}

/** How dark a picture is at a place, in [0, 1], with light falling from the upper left. */
function darknessOf({ parts, behind, palette }: Easel): (at: Point) => number {
  const field = fieldOf([...behind, ...parts]);
  return ([x, y]) => {
    const part = field([x, y]);
    if (!part) return 0;
    const { l } = colourOf(palette, part);
    const slope = part.role === 'ground' ? 0 : ((x - 64) * 0.5 + (y - 64)) / 900;
    return Math.min(Math.max((0.97 - l) * 1.15 + slope, 0), 1);
  };
}

const halftone: Family = {
  name: 'halftone',
  about: 'one ink in dots of many sizes, as in a newspaper',
  paint(easel) {
    const { svg, palette, style } = easel;
    const paper = colour(0.93, 0.02 + 0.07 * style.chroma, style.hue + 150);
    const ink = hex(colour(0.26 + 0.16 * style.depth, 0.05 + 0.11 * style.chroma, style.hue));
    const step = 2.7 + 1.7 * style.scale;
    const darkness = darknessOf({
      ...easel,
      behind: easel.behind.slice(0, 1),
      palette: { ...palette, roles: { ...palette.roles, ground: colour(0.94, 0, 0) } },
    });
    const found = [...screen(step, 15 + style.angle / 3)].map(
      (at) => [at, step * 0.76 * Math.sqrt(darkness(at))] as const,
    );
    svg.add(sheet(hex(paper)), ...classed(found, ink));
    svg.add(contours(easel.parts, ink, 0.5 + 0.7 * style.weight));
  },
};

const popArt: Family = {
  name: 'pop art',
  about: 'screaming colours, thick black lines and rows of printed dots',
  paint({ svg, parts, behind, palette, style, random }) {
    const vivid = (l: number, turn: number) => colour(l, 0.2, style.hue + turn);
    const roles = {
      ...palette.roles,
      body: vivid(0.66, 0),
      trim: vivid(0.6, 200),
      accent: vivid(0.86, 80),
      window: vivid(0.85, 170),
      foliage: vivid(0.72, 130),
      wood: vivid(0.58, 300),
      glow: vivid(0.92, 70),
      pale: colour(0.97, 0.01, 0),
      ground: vivid(0.84, 100),
    };
    const loud = { ...palette, roles };
    svg.add(...fills(behind, loud));
    const step = 3.2 + 2 * style.scale;
    const spots = [...screen(step, 45)];
    const field = fieldOf(parts);
    svg.add(
      dots(
        spots.filter((at) => !field(at)),
        step * 0.27,
        hex(shade(roles.ground, 0.55)),
      ),
    );
    svg.add(...fills(parts, loud));
    const shaded = parts.filter(({ role }) => ['body', 'trim', 'foliage', 'pale'].includes(role));
    const under = fieldOf(parts);
    const inside = spots.filter((at) => {
      const part = under(at);
      return part !== undefined && shaded.includes(part) && at[0] + at[1] * 0.9 > 122;
    });
    svg.add(dots(inside, step * 0.3, hex(vivid(0.5, 330))));
    const drawn = bent(parts, random, 0.4);
    svg.add(contours(drawn, '#0d0b10', 1.7 + 1.5 * style.weight));
    svg.add(
      ...drawn
        .filter(({ role }) => role === 'eye')
        .map(({ outline }) => path([outline], { fill: '#0d0b10' })),
    );
  },
};

const stipple: Family = {
  name: 'stipple',
  about: 'thousands of ink points, closer where it is darker',
  paint(easel) {
    const { svg, parts, style, random, palette } = easel;
    const ink = hex(colour(0.2 + 0.16 * style.depth, 0.03 + 0.08 * style.chroma, style.hue));
    svg.add(sheet(hex(colour(0.965, 0.015, palette.paper.h))));
    const plain = { ...palette, roles: { ...palette.roles, ground: colour(0.968, 0, 0) } };
    const darkness = darknessOf({ ...easel, palette: plain, behind: easel.behind.slice(0, 1) });
    const radius = 0.45 + 0.3 * style.scale;
    const tries = 20000 - 9000 * style.scale;
    const found: Point[] = [];
    for (let i = 0; i < tries; i++) {
      const at: Point = [random.uniform(0, 128), random.uniform(0, 128)];
      if (random.chance(darkness(at) * 2)) found.push(at);
    }
    svg.add(dots(found, radius, ink));
    svg.add(
      contours(parts, ink, 0.4 + 0.5 * style.weight, {
        'stroke-dasharray': '0.1 1.3',
        'stroke-linecap': 'round',
      }),
    );
  },
};

const pointillism: Family = {
  name: 'pointillism',
  about: 'touches of pure colour beside each other',
  paint({ svg, parts, behind, palette, style, random }) {
    const field = fieldOf([...behind, ...parts]);
    svg.add(...fills(behind.slice(0, 1), palette));
    const radius = 1.3 + 0.85 * style.scale;
    const marks = new ByColour<Point>();
    const reach = Math.ceil(132 / (radius * 1.25));
    for (let row = 0; row < reach; row++) {
      for (let column = 0; column < reach; column++) {
        const at: Point = [
          (column + random.uniform(-0.5, 1)) * radius * 1.25,
          (row + random.uniform(-0.5, 1)) * radius * 1.25,
        ];
        const part = field(at);
        if (!part) continue;
        const { l, c, h } = colourOf(palette, part);
        const turn = random.pick([-46, -22, 0, 0, 22, 46]);
        marks.add(colour(l + random.pick([-0.09, -0.03, 0.03, 0.09]), c + 0.03, h + turn), at);
      }
    }
    svg.add(...fills(parts, palette));
    svg.add(...marks.elements((points, fill) => dots(points, radius * 0.82, fill)));
    const dark = parts.filter(({ role }) => role === 'eye');
    svg.add(...dark.map(({ outline }) => path([outline], { fill: hex(palette.roles.eye) })));
  },
};

const bubbles: Family = {
  name: 'bubble mosaic',
  about: 'round beads packed side by side, each with a gleam',
  paint({ svg, parts, behind, palette, style, random }) {
    const field = fieldOf([...behind, ...parts]);
    const base = shade(palette.roles.ground, -0.45);
    svg.add(sheet(hex(base)));
    const radius = 1.5 + 0.9 * style.scale;
    const [dx, dy] = [radius * 2, radius * Math.sqrt(3)];
    const beads = new ByColour<Point>();
    const gleams: Point[] = [];
    for (let row = 0; row * dy < 130; row++) {
      for (let x = (row % 2) * radius; x < 130; x += dx) {
        const at: Point = [x, row * dy];
        const part = field(at);
        if (!part) continue;
        beads.add(shade(colourOf(palette, part), random.pick([-0.07, 0, 0.06])), at);
        gleams.push([x - radius * 0.3, row * dy - radius * 0.32]);
      }
    }
    svg.add(...beads.elements((points, fill) => dots(points, radius * 0.95, fill)));
    svg.add(group({ opacity: 0.5 }, [dots(gleams, radius * 0.27, '#fff')]));
  },
};

export const dotFamilies = [halftone, popArt, stipple, pointillism, bubbles] as const;

import { fills, strokes } from '../brushes.ts';
import { ByColour } from '../by_colour.ts';
import { hex, shade } from '../colour.ts';
import { contours } from '../contours.ts';
import type { Role } from '../drawing.ts';
import { roles } from '../drawing.ts';
import { fieldOf } from '../field.ts';
import { roughened } from '../filters.ts';
import { noiseOf } from '../noise.ts';
import type { Point } from '../outline.ts';
import { colourOf } from '../palette.ts';
import { element, group, sheet } from '../svg.ts';
import type { Easel, Family } from './easel.ts';

type Line = readonly [Point, Point];

/** Threads of one width, those of one colour as one path. */
const sewn = (threads: ByColour<Line>, attributes: Parameters<typeof strokes>[1]): string[] =>
  threads.elements((lines, stroke) => strokes(lines, { stroke, ...attributes }));

/** Linen: a ground of crossing threads. */
function linen({ svg, palette }: Easel, size: number): void {
  const ground = palette.roles.ground;
  const weave = svg.define((id) =>
    element(
      'pattern',
      { id, width: size, height: size, patternUnits: 'userSpaceOnUse' },
      element('rect', { width: size, height: size, fill: hex(ground) }) +
        element('path', {
          d: `M0 0H${size}M0 0V${size}`,
          stroke: hex(shade(ground, -0.22)),
          'stroke-width': size * 0.32,
        }),
    ),
  );
  svg.add(sheet(weave));
}

const embroidery: Family = {
  name: 'embroidery',
  about: 'shining satin stitches on linen',
  paint(easel) {
    const { svg, parts, palette, style, random } = easel;
    linen(easel, 1.8);
    const width = 1.0 + 0.55 * style.scale;
    const length = 4.5 + 3 * style.scale;
    svg.add(group({ opacity: 0.35 }, fills(parts, palette, { transform: 'translate(0.8 1.2)' })));
    svg.add(...fills(parts, palette));
    const field = fieldOf(parts);
    const threads = new ByColour<Line>();
    const turnOf = (role: Role) => style.angle + roles.indexOf(role) * 52;
    for (let y = 2; y < 128; y += width * 1.25) {
      for (let x = random.uniform(0, length); x < 128; x += length * 0.62) {
        const part = field([x, y]);
        if (!part) continue;
        const turn =
          ((turnOf(part.role) + random.uniform(-9, 9) * (0.4 + style.wobble)) * Math.PI) / 180;
        const [u, v] = [(Math.cos(turn) * length) / 2, (Math.sin(turn) * length) / 2];
        const inside = (k: number) => field([x + u * k, y + v * k]) === part;
        const [before, after] = [
          inside(-1) ? 1 : inside(-0.5) ? 0.5 : 0.15,
          inside(1) ? 1 : inside(0.5) ? 0.5 : 0.15,
        ];
        const sheen = random.pick([-0.2, -0.1, 0, 0.1, 0.24]);
        threads.add(shade(colourOf(palette, part), sheen), [
          [x - u * before, y - v * before],
          [x + u * after, y + v * after],
        ]);
      }
    }
    svg.add(...sewn(threads, { 'stroke-width': width, 'stroke-linecap': 'round' }));
    svg.add(
      contours(parts, hex(shade(palette.roles.trim, -0.45)), 0.7 + 0.5 * style.weight, {
        'stroke-dasharray': '2.6 0.7',
      }),
    );
  },
};

const crossStitch: Family = {
  name: 'cross stitch',
  about: 'crosses of yarn in a grid of cloth',
  paint(easel) {
    const { svg, parts, palette, style, random } = easel;
    const size = 2.7 + 1.2 * style.scale;
    linen(easel, size / 2);
    const field = fieldOf(parts);
    const [first, second] = [new ByColour<Line>(), new ByColour<Line>()];
    for (let y = 0; y < 128; y += size) {
      for (let x = 0; x < 128; x += size) {
        const part = field([x + size / 2, y + size / 2]);
        if (!part) continue;
        const paint = shade(colourOf(palette, part), random.pick([-0.06, 0, 0.05]));
        const [low, high] = [size * 0.14, size * 0.86];
        first.add(shade(paint, -0.24), [
          [x + low, y + low],
          [x + high, y + high],
        ]);
        second.add(paint, [
          [x + high, y + low],
          [x + low, y + high],
        ]);
      }
    }
    const yarn = { 'stroke-width': size * 0.36, 'stroke-linecap': 'round' };
    svg.add(...sewn(first, yarn), ...sewn(second, yarn));
  },
};

const knit: Family = {
  name: 'knitted',
  about: 'rows of stitches like small hearts, as on a jumper',
  paint({ svg, parts, behind, palette, style }) {
    const [wide, high] = [3.6 + 1.4 * style.scale, 3 + 1.1 * style.scale];
    const field = fieldOf([...behind, ...parts]);
    svg.add(sheet(hex(shade(palette.roles.ground, -0.4))));
    const [left, right] = [new ByColour<Line>(), new ByColour<Line>()];
    for (let y = 0; y < 132; y += high) {
      for (let x = 0; x < 132; x += wide) {
        const part = field([x + wide / 2, y + high / 2]);
        if (!part) continue;
        const paint = colourOf(palette, part);
        const top = y - high * 0.28;
        left.add(shade(paint, 0.08), [
          [x + wide * 0.2, top],
          [x + wide * 0.47, y + high * 0.72],
        ]);
        right.add(shade(paint, -0.1), [
          [x + wide * 0.8, top],
          [x + wide * 0.53, y + high * 0.72],
        ]);
      }
    }
    const yarn = { 'stroke-width': wide * 0.4, 'stroke-linecap': 'round' };
    svg.add(...sewn(left, yarn), ...sewn(right, yarn));
  },
};

const oil: Family = {
  name: 'oil painting',
  about: 'thick strokes of a bristle brush that follow each other in eddies',
  paint({ svg, parts, behind, palette, style, random }) {
    const field = fieldOf([...behind, ...parts]);
    const flow = noiseOf(random, 36);
    svg.add(...fills(behind.slice(0, 1), palette), ...fills(parts, palette));
    const pass = (count: number, length: number, width: number, subject: boolean) => {
      const [body, gleam] = [new ByColour<Line>(), new ByColour<Line>()];
      for (let i = 0; i < count; i++) {
        const [x, y] = [random.uniform(0, 128), random.uniform(0, 128)];
        const part = field([x, y])!;
        if (subject && part.role === 'ground') continue;
        const turn = ((style.angle + 110 * flow(x, y)) * Math.PI) / 180;
        const [u, v] = [(Math.cos(turn) * length) / 2, (Math.sin(turn) * length) / 2];
        const reach = (k: number) => (field([x + u * k, y + v * k]) === part ? k : k * 0.25);
        const [a, b] = [reach(-1), reach(1)];
        const { l, c, h } = colourOf(palette, part);
        const light = random.pick([-0.08, -0.04, 0, 0.04, 0.09]);
        const paint = {
          l: l + light + (64 - y) / 1600,
          c: c * 1.05,
          h: h + random.pick([-14, 0, 14]),
        };
        body.add(paint, [
          [x + u * a, y + v * a],
          [x + u * b, y + v * b],
        ]);
        const [p, q] = [(-v / length) * width * 0.5, (u / length) * width * 0.5];
        gleam.add(shade(paint, 0.28), [
          [x + u * a - p, y + v * a - q],
          [x + u * b * 0.6 - p, y + v * b * 0.6 - q],
        ]);
      }
      svg.add(...sewn(body, { 'stroke-width': width, 'stroke-linecap': 'round' }));
      svg.add(...sewn(gleam, { 'stroke-width': width * 0.22, opacity: 0.6 }));
    };
    const width = 2 + 1.1 * style.scale;
    pass(360, width * 5, width * 1.7, false);
    pass(1200, width * 2.8, width * 0.85, true);
    const detail = parts.filter(
      ({ role }) => role === 'eye' || role === 'dark' || role === 'window',
    );
    svg.add(group({ filter: roughened(svg, random, 2, 0.15) }, fills(detail, palette)));
  },
};

export const threadFamilies = [embroidery, crossStitch, knit, oil] as const;

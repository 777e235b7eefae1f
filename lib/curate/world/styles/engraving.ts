import { bent, hatching, strokes, union } from '../brushes.ts';
import { colour, hex } from '../colour.ts';
import { contours } from '../contours.ts';
import { fieldOf } from '../field.ts';
import { grain, roughened } from '../filters.ts';
import { noiseOf } from '../noise.ts';
import { type Outline, type Point, ribbon } from '../outline.ts';
import { colourOf } from '../palette.ts';
import { element, group, path, sheet } from '../svg.ts';
import type { Easel, Family } from './easel.ts';

const penAndInk: Family = {
  name: 'pen hatching',
  about: 'ink outlines and crossing pen strokes, closer where it is darker',
  paint({ svg, parts, palette, style, random }) {
    const ink = hex(colour(0.24, 0.03 + 0.07 * style.chroma, style.hue));
    svg.add(sheet(hex(colour(0.965, 0.02, palette.paper.h))));
    const gap = 2.1 + 1.5 * style.scale;
    const width = 0.42 + 0.3 * style.weight;
    const drawn = bent(parts, random, 0.5 + 0.8 * style.wobble);
    const hand = roughened(svg, random, 1.2, 0.08);
    const shaded = drawn.flatMap((part) => {
      const darkness = 1 - colourOf(palette, part).l;
      const layers = [path([part.outline], { fill: '#fdfcf8' })];
      const turns = [
        [0.16, 45],
        [0.36, -45],
        [0.5, 90],
        [0.66, 0],
      ] as const;
      for (const [from, turn] of turns) {
        if (darkness < from) break;
        const fill = hatching(svg, ink, gap, width, turn + style.angle / 4);
        layers.push(path([part.outline], { fill }));
      }
      if (darkness > 0.74) layers.push(path([part.outline], { fill: ink }));
      return layers;
    });
    svg.add(group({ filter: hand }, [...shaded, contours(drawn, ink, 0.8 + 0.7 * style.weight)]));
    const ground = Array.from({ length: 16 }, (_, i): readonly [Point, Point] => {
      const [y, x] = [112 + (i % 5) * 2.6, random.uniform(0, 100)];
      return [
        [x, y],
        [x + random.uniform(10, 34), y],
      ];
    });
    svg.add(strokes(ground, { stroke: ink, 'stroke-width': width }));
  },
};

/** Lines that cross the canvas, as thick as the picture is dark under them. */
function engravedLines(
  easel: Easel,
  { gap, angle, swing }: { readonly gap: number; readonly angle: number; readonly swing: number },
  darkness: (at: Point) => number,
): Outline[] {
  const wave = noiseOf(easel.random, 40);
  const [cos, sin] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
  const lines: Outline[] = [];
  for (let v = -92; v < 92; v += gap) {
    let run: [Point, number][] = [];
    const end = () => {
      if (run.length > 1) lines.push(swelling(run));
      run = [];
    };
    for (let u = -92; u <= 92; u += 1.3) {
      const bend = v + swing * wave(u + 100, v + 100);
      const at: Point = [64 + u * cos - bend * sin, 64 + u * sin + bend * cos];
      if (at[0] < -3 || at[1] < -3 || at[0] > 131 || at[1] > 131) continue;
      const width = gap * darkness(at);
      if (width > 0.16) run.push([at, width]);
      else end();
    }
    end();
  }
  return lines;
}

/** The outline of a line with a width at each of its points. */
function swelling(run: readonly (readonly [Point, number])[]): Outline {
  const side = (sign: number) =>
    run.map(([[x, y], width], i): Point => {
      const [before, after] = [
        run[Math.max(i - 1, 0)]![0],
        run[Math.min(i + 1, run.length - 1)]![0],
      ];
      const [dx, dy] = [after[0] - before[0], after[1] - before[1]];
      const half = (sign * width) / 2 / Math.hypot(dx, dy);
      return [x - dy * half, y + dx * half];
    });
  return [...side(1), ...side(-1).reverse()];
}

const etching: Family = {
  name: 'sepia etching',
  about: 'fine swelling lines in brown on aged paper',
  paint(easel) {
    const { svg, parts, behind, palette, style, random } = easel;
    const warm = 55 + (style.hue / 360 - 0.5) * 50;
    const ink = hex(colour(0.27 + 0.08 * style.depth, 0.055, warm));
    svg.add(sheet(hex(colour(0.92, 0.045, warm + 25))));
    const field = fieldOf([...behind.slice(0, 1), ...parts]);
    const darkness = (at: Point) => {
      const part = field(at);
      if (!part || part.role === 'ground') return 0.07;
      const { l } = colourOf(palette, part);
      return Math.min(0.16 + (0.98 - l) * 1.45 + (at[0] + at[1] - 128) / 700, 0.92);
    };
    const gap = 1.9 + 0.8 * style.scale;
    const swing = 3 + 9 * style.wobble;
    const lines = engravedLines(easel, { gap, angle: style.angle, swing }, darkness);
    svg.add(path(lines, { fill: ink }), contours(parts, ink, 0.5 + 0.5 * style.weight));
    const age = svg.define((id) =>
      element(
        'radialGradient',
        { id, cx: 0.5, cy: 0.5, r: 0.75 },
        element('stop', { offset: 0.55, 'stop-color': '#6b4318', 'stop-opacity': 0 }) +
          element('stop', { offset: 1, 'stop-color': '#6b4318', 'stop-opacity': 0.42 }),
      ),
    );
    svg.add(
      sheet(age),
      grain(svg, random, 0.06 + 0.12 * style.grain, 0.12, colour(0.4, 0.07, warm)),
    );
  },
};

const woodcut: Family = {
  name: 'woodcut',
  about: 'black ink from a carved block, the light cut out in wedges',
  paint(easel) {
    const { svg, parts, behind, palette, style, random } = easel;
    const ink = hex(colour(0.16, 0.02, style.hue));
    const paper = colour(0.92, 0.03, style.hue + 40);
    const tint = colour(0.72, 0.05 + 0.09 * style.chroma, style.hue);
    const cut = bent(parts, random, 0.5 + style.wobble, 9);
    svg.add(sheet(hex(paper)));
    const field = fieldOf(cut);
    const back = fieldOf(behind);
    const gap = 3.3 + 1.5 * style.scale;
    const darkness = (at: Point) => {
      const part = field(at);
      if (part) return 0;
      return 0.2 + Math.abs(back(at)?.tone ?? 0) * 0.9;
    };
    const lines = engravedLines(
      easel,
      { gap, angle: style.angle < 90 ? 0 : 35, swing: 6 },
      darkness,
    );
    svg.add(path(lines, { fill: ink }));
    svg.add(
      path(union(cut), {
        fill: hex(paper),
        stroke: hex(paper),
        'stroke-width': 5,
        'stroke-linejoin': 'round',
      }),
    );
    for (const part of cut) {
      const { l } = colourOf(palette, part);
      const solid = l < 0.42;
      const fill = solid ? ink : hex(l < 0.78 ? tint : paper);
      svg.add(path([part.outline], { fill }));
    }
    const shade = (at: Point) => {
      const part = field(at);
      if (!part) return 0;
      const { l } = colourOf(palette, part);
      return l < 0.42 || l > 0.86 ? 0 : 0.16 + (at[0] + at[1] * 0.6 - 80) / 190;
    };
    svg.add(
      path(engravedLines(easel, { gap: gap * 0.8, angle: 62, swing: 5 }, shade), { fill: ink }),
    );
    svg.add(contours(cut, ink, 1.3 + 1.3 * style.weight));
  },
};

const linocut: Family = {
  name: 'linocut',
  about: 'two or three flat inks, pale gaps between shapes and gouge marks around',
  paint({ svg, parts, palette, style, random }) {
    const paper = colour(0.94, 0.025, style.hue + 60);
    const ink = colour(0.3 + 0.12 * style.depth, 0.07 + 0.06 * style.chroma, style.hue + 190);
    const second = colour(0.66, 0.12 + 0.04 * style.chroma, style.hue);
    const third = colour(0.82, 0.12, style.hue + 45);
    svg.add(sheet(hex(ink)));
    const marks = Array.from({ length: 230 }, (): readonly Point[] => {
      const turn = random.uniform(0, 2 * Math.PI);
      const radius = random.uniform(40, 92);
      const length = random.uniform(3, 8) * (0.7 + style.scale);
      const at = (r: number): Point => [64 + r * Math.cos(turn), 66 + r * Math.sin(turn)];
      return [at(radius), at(radius + length)];
    });
    const gouges = marks.map((line) => ribbon(line, 0.5, 1.2 + style.weight));
    svg.add(path(gouges, { fill: hex(paper), opacity: 0.9 }));
    const gap = 1.1 + 1.2 * style.weight;
    const cut = bent(parts, random, 0.3 + 0.9 * style.wobble, 10);
    svg.add(
      path(union(cut), {
        fill: hex(paper),
        stroke: hex(paper),
        'stroke-width': gap * 3.4,
        'stroke-linejoin': 'round',
      }),
    );
    for (const part of cut) {
      const { l } = colourOf(palette, part);
      const dark = l < 0.5 || part.role === 'trim';
      const light = part.role === 'pale';
      const paint = dark
        ? ink
        : light
          ? paper
          : part.role === 'accent' || l > 0.76
            ? third
            : second;
      svg.add(
        path([part.outline], {
          fill: hex(paint),
          stroke: hex(paper),
          'stroke-width': gap,
          'stroke-linejoin': 'round',
        }),
      );
    }
    svg.add(grain(svg, random, 0.1 + 0.2 * style.grain, 0.31, paper));
  },
};

const delft: Family = {
  name: 'delft tile',
  about: 'cobalt washes and brush lines on a white glazed tile with corner ornaments',
  paint({ svg, parts, palette, style, random }) {
    const hue = 262 + (style.hue / 360 - 0.5) * 36;
    const glaze = colour(0.955, 0.012, hue);
    const cobalt = (l: number) => colour(l, 0.13 * Math.min(1, (1 - l) * 1.9), hue);
    svg.add(sheet(hex(glaze)));
    const line = hex(cobalt(0.36 + 0.06 * style.depth));
    const corner = 'M4 4h26q-5 3-9 3q3 5-1 8q-4 3-6 0q1 4-3 6q-4 3-7-1V4M9 9q7-1 9 5q-6 3-9-5';
    for (const turn of [0, 90, 180, 270]) {
      svg.add(
        element('path', {
          d: corner,
          fill: hex(cobalt(0.5)),
          transform: `rotate(${turn} 64 64)`,
          opacity: 0.9,
        }),
      );
    }
    if (style.backdrop !== 'plain') {
      const rim = { fill: 'none', stroke: line, opacity: 0.9 };
      svg.add(element('circle', { cx: 64, cy: 64, r: 58, 'stroke-width': 1.4, ...rim }));
      svg.add(element('circle', { cx: 64, cy: 64, r: 55, 'stroke-width': 0.6, ...rim }));
    }
    const drawn = bent(parts, random, 0.4 + 0.7 * style.wobble);
    const wash = drawn.map((part) => {
      const { l } = colourOf(palette, part);
      return path([part.outline], { fill: hex(l > 0.86 ? glaze : cobalt(0.2 + l * 0.78)) });
    });
    const brush = roughened(svg, random, 1.3, 0.1);
    svg.add(group({ filter: brush }, [...wash, contours(drawn, line, 0.8 + 0.9 * style.weight)]));
    svg.add(
      element('path', {
        d: 'M30 115q10-3 20 0t20 0t20 0t12-1M40 119q12-2 24 0t24 0',
        fill: 'none',
        stroke: line,
        'stroke-width': 0.9,
        opacity: 0.8,
      }),
    );
    svg.add(grain(svg, random, 0.04 + 0.08 * style.grain, 0.1, cobalt(0.6)));
  },
};

export const engravingFamilies = [penAndInk, etching, woodcut, linocut, delft] as const;

import { clipTo, fills, gradient, union } from '../brushes.ts';
import { ByColour } from '../by_colour.ts';
import { type Colour, colour, hex, mix, shade } from '../colour.ts';
import { contours } from '../contours.ts';
import { fieldOf } from '../field.ts';
import { grain } from '../filters.ts';
import { boxOf, type Outline, type Point, rectangle } from '../outline.ts';
import { colourOf } from '../palette.ts';
import { element, group, path, sheet } from '../svg.ts';
import type { Family } from './easel.ts';

/** Tiles of one colour, a little wider than they are, so that no seam shows between them. */
const tiles = (outlines: readonly Outline[], fill: string): string =>
  path(outlines, { fill, stroke: fill, 'stroke-width': 0.2 });

const mosaic: Family = {
  name: 'mosaic',
  about: 'small square stones set in mortar',
  paint({ svg, parts, behind, palette, style, random }) {
    const field = fieldOf([...behind, ...parts]);
    const side = 3.5 + 1.9 * style.scale;
    const mortar =
      style.depth < 0.5 ? colour(0.3, 0.02, style.hue) : colour(0.86, 0.025, style.hue + 60);
    svg.add(sheet(hex(mortar)));
    const stones = new ByColour<Outline>();
    for (let y = side / 2; y < 128 + side; y += side) {
      for (let x = side / 2; x < 128 + side; x += side) {
        const part = field([x, y]);
        if (!part) continue;
        const jitter = () => random.uniform(-0.12, 0.12) * side * (0.4 + style.wobble);
        const half = side * 0.43;
        const corner = (u: number, v: number): Point => [
          x + u * half + jitter(),
          y + v * half + jitter(),
        ];
        const paint = shade(colourOf(palette, part), random.pick([-0.1, -0.05, 0, 0.05, 0.09]));
        stones.add(paint, [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)]);
      }
    }
    svg.add(...stones.elements(tiles));
    const eyes = parts.filter(({ role }) => role === 'eye');
    svg.add(...fills(eyes, palette, { stroke: hex(mortar), 'stroke-width': 0.6 }));
  },
};

const pixel: Family = {
  name: 'pixel art',
  about: 'coarse square pixels with a dark edge, as in early video games',
  paint({ svg, parts, behind, palette, style }) {
    const cells = Math.round(46 - 16 * style.scale);
    const side = 128 / cells;
    const back = fieldOf(behind);
    const front = fieldOf(parts);
    const inside = (column: number, row: number) =>
      front([(column + 0.5) * side, (row + 0.5) * side]);
    const pixels = new ByColour<Outline>();
    for (let row = 0; row < cells; row++) {
      for (let column = 0; column < cells; column++) {
        const at: Point = [(column + 0.5) * side, (row + 0.5) * side];
        const part = front(at);
        const beside = [
          [-1, 0],
          [1, 0],
          [0, -1],
          [0, 1],
        ] as const;
        const edge = !part && beside.some(([x, y]) => inside(column + x, row + y));
        const under = part ?? back(at)!;
        const light = part && !inside(column - 1, row - 1) ? 0.22 : 0;
        const paint = edge ? palette.ink : shade(colourOf(palette, under), light);
        pixels.add(paint, rectangle(column * side, row * side, side, side));
      }
    }
    svg.add(
      group(
        { 'shape-rendering': 'crispEdges' },
        pixels.elements((outlines, fill) => path(outlines, { fill })),
      ),
    );
  },
};

const lowPoly: Family = {
  name: 'low poly',
  about: 'facets of triangles, each in its own light',
  paint({ svg, parts, behind, palette, style, random }) {
    const side = 9 + 6 * style.scale;
    const count = Math.ceil(140 / side) + 1;
    const nodes = Array.from({ length: count * count }, (_, i): Point => {
      const [column, row] = [i % count, Math.floor(i / count)];
      const jitter = () => random.uniform(-0.34, 0.34) * side;
      return [column * side - 6 + jitter(), row * side - 6 + jitter()];
    });
    const triangles: Outline[] = [];
    for (let row = 0; row + 1 < count; row++) {
      for (let column = 0; column + 1 < count; column++) {
        const at = (u: number, v: number) => nodes[(row + v) * count + column + u]!;
        const [a, b, c, d] = [at(0, 0), at(1, 0), at(1, 1), at(0, 1)];
        triangles.push(
          ...(random.chance(0.5)
            ? [
                [a, b, c],
                [a, c, d],
              ]
            : [
                [a, b, d],
                [b, c, d],
              ]),
        );
      }
    }
    const lights = triangles.map(() => random.uniform(-0.2, 0.24));
    for (const part of [behind[0]!, ...behind.slice(1), ...parts]) {
      const box = boxOf([part.outline]);
      const paint = colourOf(palette, part);
      const facets = new ByColour<Outline>();
      triangles.forEach((triangle, i) => {
        const around = boxOf([triangle]);
        if (around.right < box.left || around.left > box.right) return;
        if (around.bottom < box.top || around.top > box.bottom) return;
        const fall = (64 - (around.top + around.bottom) / 2) / 500;
        const step = Math.round((lights[i]! * (part.role === 'ground' ? 0.5 : 1) + fall) * 16) / 16;
        facets.add(shade(paint, step), triangle);
      });
      const clip = clipTo(svg, [part.outline]);
      svg.add(group({ 'clip-path': clip }, facets.elements(tiles)));
    }
  },
};

const stainedGlass: Family = {
  name: 'stained glass',
  about: 'coloured glass in lead, lit from behind',
  paint({ svg, parts, palette, style, random }) {
    const lead = hex(colour(0.17, 0.015, style.hue));
    const width = 1.5 + 1.3 * style.weight;
    const c = 0.1 + 0.1 * style.chroma;
    const [cx, cy] = [64 + random.uniform(-10, 10), 58 + random.uniform(-8, 8)];
    const count = 9 + Math.round(style.scale * 5);
    const panes: Outline[] = [];
    const rings = [0, 34, 62, 110];
    const at = (turn: number, radius: number): Point => {
      const angle = (2 * Math.PI * (turn + style.angle / 180)) / count;
      return [cx + radius * Math.cos(angle), cy + radius * Math.sin(angle)];
    };
    for (let ring = 0; ring + 1 < rings.length; ring++) {
      for (let i = 0; i < count; i++) {
        const [low, high] = [rings[ring]!, rings[ring + 1]!];
        const pane: Outline = [
          at(i, low),
          at(i + 0.5, low),
          at(i + 1, low),
          at(i + 1, high),
          at(i + 0.5, high),
          at(i, high),
        ];
        const hue = palette.roles.ground.h + random.pick([-40, -15, 0, 20, 45]);
        const paint = colour(random.uniform(0.68, 0.86), c * 0.8, hue);
        svg.add(path([pane], { fill: hex(paint) }));
        panes.push(pane);
      }
    }
    svg.add(path(panes, { fill: 'none', stroke: lead, 'stroke-width': width }));
    for (const part of parts) {
      const paint = colourOf(palette, part);
      const glass =
        part.role === 'eye' || part.role === 'dark'
          ? paint
          : { ...paint, c: Math.max(paint.c, part.role === 'pale' ? 0.05 : c) };
      const fill = gradient(svg, [part.outline], 70, [
        shade(glass, 0.3),
        glass,
        shade(glass, -0.25),
      ]);
      svg.add(path([part.outline], { fill }));
    }
    const clip = clipTo(svg, union(parts));
    const cracks = panes.map((pane) => [pane[0]!, pane[5]!, pane[0]!]);
    svg.add(
      group({ 'clip-path': clip, opacity: 0.55 }, [
        path(cracks, { fill: 'none', stroke: lead, 'stroke-width': width * 0.5 }),
      ]),
    );
    svg.add(contours(parts, lead, width));
    svg.add(path(union(parts), { fill: 'none', stroke: lead, 'stroke-width': 0.1 }));
    const light = svg.define((id) =>
      element(
        'radialGradient',
        { id, cx: 0.4, cy: 0.3, r: 0.8 },
        element('stop', { offset: 0, 'stop-color': '#fff', 'stop-opacity': 0.3 }) +
          element('stop', { offset: 0.6, 'stop-color': '#fff', 'stop-opacity': 0 }) +
          element('stop', { offset: 1, 'stop-color': '#000', 'stop-opacity': 0.3 }),
      ),
    );
    svg.add(sheet(light), grain(svg, random, 0.1 + 0.2 * style.grain, 0.12, colour(1, 0, 0)));
  },
};

const patchwork: Family = {
  name: 'patchwork',
  about: 'printed fabrics sewn together with visible seams',
  paint({ svg, parts, palette, style, random }) {
    const fabric = (paint: Colour, kind: number) => {
      const [figure, size] = [
        hex(shade(paint, paint.l > 0.5 ? -0.34 : 0.4)),
        4.2 + 2.4 * style.scale,
      ];
      const half = size / 2;
      const figures = [
        element('circle', { cx: half, cy: half, r: size * 0.2, fill: figure }),
        element('rect', { width: half, height: size, fill: figure, opacity: 0.6 }),
        element('path', {
          d: `M0 0h${half}v${half}h${half}v${half}H${half}V${half}H0Z`,
          fill: figure,
          opacity: 0.55,
        }),
        element('path', {
          d: `M0 ${half}H${size}M${half} 0V${size}`,
          stroke: figure,
          'stroke-width': size * 0.2,
        }),
        element('path', {
          d: `M${half} 0.6l${half * 0.5} ${half}l${-half * 0.5} ${half}l${-half * 0.5} ${-half}Z`,
          fill: figure,
        }),
      ];
      return svg.define((id) =>
        element(
          'pattern',
          {
            id,
            width: size,
            height: size,
            patternUnits: 'userSpaceOnUse',
            patternTransform: `rotate(${[0, 45, 0, 45, 20][kind]!})`,
          },
          element('rect', { width: size, height: size, fill: hex(paint) }) + figures[kind]!,
        ),
      );
    };
    const side = 26 + 12 * style.scale;
    const cloth = [-30, 0, 35, 70].map((turn, i) =>
      fabric(
        {
          ...palette.roles.ground,
          h: palette.roles.ground.h + turn,
          c: palette.roles.ground.c * 0.8,
        },
        i,
      ),
    );
    const patches: Outline[] = [];
    for (let y = -6; y < 128; y += side) {
      for (let x = -6; x < 128; x += side) {
        patches.push(rectangle(x, y, side, side));
        svg.add(path([patches.at(-1)!], { fill: random.pick(cloth), opacity: 0.9 }));
      }
    }
    const seam = hex(colour(0.98, 0.01, 90));
    svg.add(
      path(patches, {
        fill: 'none',
        stroke: seam,
        'stroke-width': 0.7,
        'stroke-dasharray': '2 1.4',
      }),
    );
    svg.add(
      path(union(parts), {
        fill: '#000',
        opacity: 0.25,
        stroke: '#000',
        'stroke-width': 3,
        transform: 'translate(1 1.4)',
      }),
    );
    const kinds = new Map<string, string>();
    for (const part of parts) {
      const paint = colourOf(palette, part);
      const key = hex(paint);
      const plain = ['eye', 'dark', 'pale', 'glow', 'window'].includes(part.role);
      const fill = plain
        ? key
        : (kinds.get(key) ?? fabric(paint, (kinds.size + Math.round(style.angle)) % 5));
      if (!plain) kinds.set(key, fill);
      svg.add(path([part.outline], { fill }));
    }
    svg.add(
      contours(parts, hex(mix(palette.ink, palette.roles.body, 0.25)), 0.9, { opacity: 0.8 }),
    );
    svg.add(contours(parts, seam, 0.6 + 0.3 * style.weight, { 'stroke-dasharray': '1.8 1.4' }));
  },
};

export const tileFamilies = [mosaic, pixel, lowPoly, stainedGlass, patchwork] as const;

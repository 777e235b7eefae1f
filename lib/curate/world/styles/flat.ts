import { clipTo, fills, gradient, isClockwise, outlinesOf, union } from '../brushes.ts';
import { colour, hex, mix, shade } from '../colour.ts';
import { contours } from '../contours.ts';
import { blurred, grain } from '../filters.ts';
import { boxOf, type Outline } from '../outline.ts';
import { colourOf, yellowness } from '../palette.ts';
import { element, group, path, sheet } from '../svg.ts';
import type { Family } from './easel.ts';

const flat: Family = {
  name: 'flat',
  about: 'flat shapes without outlines, as in a poster',
  paint({ svg, parts, behind, palette }) {
    svg.add(...fills(behind, palette), ...fills(parts, palette));
  },
};

const longShadow: Family = {
  name: 'long shadow',
  about: 'a flat icon that throws a long slanting shadow, its right half darker',
  paint({ svg, parts, palette, style }) {
    const hue = style.hue + 30;
    const light = 0.6 + 0.14 * style.depth + 0.14 * yellowness(hue);
    const back = colour(light, 0.09 + 0.06 * style.chroma, hue);
    const [dx, dy] = style.angle < 90 ? [150, 150] : [-150, 150];
    const shadow = union(parts).flatMap((outline) =>
      outline.map((a, i): Outline => {
        const b = outline[(i + 1) % outline.length]!;
        const quad = [a, b, [b[0] + dx, b[1] + dy], [a[0] + dx, a[1] + dy]] as const;
        return isClockwise(quad) ? quad : [...quad].reverse();
      }),
    );
    svg.add(sheet(hex(back)), path(shadow, { fill: hex(shade(back, -0.28)) }));
    svg.add(...fills(parts, palette));
    const { left, right } = boxOf(outlinesOf(parts));
    const half = { x: (left + right) / 2, y: 0, width: 128, height: 128, fill: '#000' };
    svg.add(element('rect', { ...half, opacity: 0.13, 'clip-path': clipTo(svg, union(parts)) }));
  },
};

const paperCut: Family = {
  name: 'paper cut',
  about: 'layers of cut paper, each with its shadow',
  paint({ svg, parts, behind, palette, style, random }) {
    const reach = 1.2 + 1.4 * style.weight;
    const layer = (part: (typeof parts)[number]) => {
      const paint = colourOf(palette, part);
      return [
        path([part.outline], {
          fill: '#000',
          opacity: 0.13,
          transform: `translate(${reach} ${reach * 1.2})`,
        }),
        path([part.outline], {
          fill: '#000',
          opacity: 0.17,
          transform: `translate(${reach * 0.5} ${reach * 0.6})`,
        }),
        path([part.outline], {
          fill: hex(paint),
          stroke: hex(shade(paint, 0.3)),
          'stroke-width': 0.5,
        }),
      ];
    };
    svg.add(...[...behind, ...parts].flatMap(layer));
    svg.add(grain(svg, random, 0.05 + 0.1 * style.grain));
  },
};

const sticker: Family = {
  name: 'sticker',
  about: 'a glossy sticker with a thick white border and a soft shadow',
  paint({ svg, parts, behind, palette, style }) {
    const border = 6 + 5 * style.weight;
    const rim = (fill: string, width: number, attributes = {}) =>
      path(union(parts), {
        fill,
        stroke: fill,
        'stroke-width': width,
        'stroke-linejoin': 'round',
        ...attributes,
      });
    svg.add(...fills(behind, palette));
    svg.add(
      group({ filter: blurred(svg, 1.6), opacity: 0.45 }, [
        rim('#000', border, { transform: 'translate(1.5 2.5)' }),
      ]),
    );
    svg.add(rim('#fff', border), ...fills(parts, palette));
    svg.add(contours(parts, hex(shade(palette.roles.body, -0.62)), 0.7));
    const gloss = { cx: 44, cy: 20, rx: 64, ry: 44, fill: '#fff', opacity: 0.2 };
    svg.add(element('ellipse', { ...gloss, 'clip-path': clipTo(svg, union(parts)) }));
  },
};

const gradients: Family = {
  name: 'gradient',
  about: 'luminous gradients from one hue into the next over a soft glow',
  paint({ svg, parts, palette, style }) {
    const hue = style.hue;
    const deep = style.depth < 0.35;
    const base = deep ? colour(0.26, 0.09, hue + 250) : colour(0.86, 0.07, hue + 70);
    svg.add(sheet(hex(base)));
    const lights = [
      [18, 14, 58, hue + 20],
      [112, 30, 52, hue + 90],
      [70, 122, 64, hue - 50],
    ] as const;
    for (const [cx, cy, r, at] of lights) {
      const fill = svg.define((id) =>
        element(
          'radialGradient',
          { id },
          ['0.85', '0']
            .map((opacity, i) =>
              element('stop', {
                offset: i,
                'stop-color': hex(colour(deep ? 0.5 : 0.8, 0.15, at)),
                'stop-opacity': opacity,
              }),
            )
            .join(''),
        ),
      );
      svg.add(element('circle', { cx, cy, r, fill }));
    }
    for (const part of parts) {
      const paint = colourOf(palette, part);
      const far = { ...shade(paint, -0.22), c: paint.c * 1.2, h: paint.h + 55 };
      const near = { ...shade(paint, 0.3), c: paint.c * 1.1 + 0.02, h: paint.h - 18 };
      svg.add(
        path([part.outline], { fill: gradient(svg, [part.outline], 60, [near, paint, far]) }),
      );
    }
  },
};

const silhouette: Family = {
  name: 'silhouette',
  about: 'a black shape with fine gaps before an evening sky',
  paint({ svg, parts, style }) {
    const { hue } = style;
    const sky = [
      colour(0.34 + 0.1 * style.depth, 0.11, hue + 270),
      colour(0.6, 0.15, hue + 320),
      colour(0.82, 0.14, hue + 40),
    ];
    const whole = [
      [
        [0, 0],
        [0, 128],
      ] as Outline,
    ];
    svg.add(sheet(gradient(svg, whole, 90, sky)));
    const sun = { cx: 64 + (style.angle / 180 - 0.5) * 60, cy: 74, r: 22 + 16 * style.scale };
    svg.add(element('circle', { ...sun, fill: hex(colour(0.94, 0.1, hue + 60)), opacity: 0.92 }));
    const ink = colour(0.17, 0.035, hue + 270);
    const { bottom } = boxOf(outlinesOf(parts));
    const land = `M-8 ${bottom - 2}Q40 ${bottom - 5} 70 ${bottom - 1}T136 ${bottom - 3}V136H-8Z`;
    svg.add(element('path', { d: land, fill: hex(mix(ink, sky[0]!, 0.15)) }));
    const lit = colour(0.82, 0.13, hue + 40);
    const tones = { dark: 0, eye: 0.72, pale: 0.3, window: 0.85, glow: 0.95, accent: 0.2 };
    for (const part of parts) {
      const light = part.role in tones ? tones[part.role as keyof typeof tones] : 0;
      svg.add(path([part.outline], { fill: hex(mix(ink, lit, light)) }));
    }
    svg.add(contours(parts, hex(lit), 0.35 + 0.45 * style.weight, { opacity: 0.6 }));
  },
};

export const flatFamilies = [flat, longShadow, paperCut, sticker, gradients, silhouette] as const;

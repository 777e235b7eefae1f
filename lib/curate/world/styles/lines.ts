import { bent, clipTo, fills, gradient, hatching, outlinesOf, shifted, union } from '../brushes.ts';
import { colour, hex, shade } from '../colour.ts';
import { contours } from '../contours.ts';
import { blurred, grain, roughened } from '../filters.ts';
import { boxOf } from '../outline.ts';
import { colourOf } from '../palette.ts';
import { element, group, path, sheet } from '../svg.ts';
import type { Family } from './easel.ts';

const comic: Family = {
  name: 'comic',
  about: 'bold ink outlines, clear colours and one step of shade',
  paint({ svg, parts, behind, palette, style, random }) {
    const ink = hex(colour(0.15, 0.02, style.hue));
    const drawn = bent(parts, random, 0.4 + 1.4 * style.wobble);
    const weight = 0.9 + 1.2 * style.weight;
    svg.add(...fills(behind, palette));
    const rim = { stroke: ink, 'stroke-width': weight * 2.8, 'stroke-linejoin': 'round' };
    svg.add(path(union(drawn), { fill: ink, ...rim }));
    for (const part of drawn) {
      const paint = colourOf(palette, part);
      const lit = { fill: hex(paint), transform: 'translate(-2.6 -2.2)' };
      svg.add(path([part.outline], { fill: hex(shade(paint, -0.26)) }));
      svg.add(group({ 'clip-path': clipTo(svg, [part.outline]) }, [path([part.outline], lit)]));
    }
    svg.add(contours(drawn, ink, weight));
  },
};

const sketch: Family = {
  name: 'pencil sketch',
  about: 'searching pencil lines and slanting shade on white paper',
  paint({ svg, parts, style, random, palette }) {
    const pencil = colour(0.3 + 0.08 * style.depth, 0.09 * style.chroma, style.hue);
    const stroke = hex(pencil);
    svg.add(sheet(hex(colour(0.965, 0.012, palette.paper.h))));
    const angle = 30 + style.angle / 3;
    const gap = 1.9 + 1.5 * style.scale;
    for (const part of bent(parts, random, 0.7)) {
      const darkness = 1 - colourOf(palette, part).l;
      svg.add(path([part.outline], { fill: '#fbfaf6' }));
      const width = Math.min(gap * 0.75, gap * darkness * 1.1);
      if (darkness > 0.2) {
        const fill = hatching(svg, stroke, gap, width, angle + 6 * random.uniform(-1, 1));
        svg.add(path([part.outline], { fill, opacity: 0.75 }));
      }
    }
    for (let pass = 0; pass < 3; pass++) {
      const lines = bent(parts, random, 0.7 + 1.3 * style.wobble, 22);
      svg.add(contours(lines, stroke, 0.45 + 0.5 * style.weight, { opacity: 0.7 }));
    }
    svg.add(grain(svg, random, 0.03 + 0.06 * style.grain));
  },
};

const blueprint: Family = {
  name: 'blueprint',
  about: 'white construction lines on blue paper with a grid',
  paint({ svg, parts, style, random }) {
    const hue = 250 + (style.hue / 360 - 0.5) * 44;
    const paper = colour(0.33 + 0.16 * style.depth, 0.12, hue);
    const [faint, line] = [hex(shade(paper, 0.16)), hex(colour(0.95, 0.02, hue))];
    svg.add(sheet(hex(paper)));
    const step = 5 + 4 * style.scale;
    for (let i = 1; i * step < 128; i++) {
      const at = i * step;
      const attributes = { stroke: faint, 'stroke-width': i % 4 ? 0.35 : 0.8 };
      svg.add(element('path', { d: `M${at} 0V128M0 ${at}H128`, ...attributes }));
    }
    const { left, top, right, bottom } = boxOf(outlinesOf(parts));
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const thin = { stroke: line, 'stroke-width': 0.5, fill: 'none', opacity: 0.75 };
    svg.add(
      element('circle', {
        cx: x,
        cy: y,
        r: Math.max(right - left, bottom - top) / 2,
        ...thin,
        'stroke-dasharray': '3 2',
      }),
    );
    svg.add(
      element('path', { d: `M${x} 0V128M0 ${y}H128`, ...thin, 'stroke-dasharray': '6 2 1 2' }),
    );
    const [under, beside] = [Math.min(bottom + 7, 125), Math.max(left - 7, 3)];
    svg.add(
      element('path', {
        d:
          `M${left} ${under - 3}v6M${right} ${under - 3}v6M${left} ${under}H${right}` +
          `M${beside - 3} ${top}h6M${beside - 3} ${bottom}h6M${beside} ${top}V${bottom}`,
        ...thin,
      }),
    );
    const drawn = bent(parts, random, 0.5 * style.wobble);
    for (const part of drawn) {
      svg.add(path([part.outline], { fill: hex(shade(paper, 0.07)), 'fill-opacity': 0.55 }));
    }
    svg.add(contours(drawn, line, 0.65 + 0.7 * style.weight));
  },
};

const neon: Family = {
  name: 'neon',
  about: 'glowing tubes of light in the dark',
  paint({ svg, parts, palette, style, random }) {
    const night = colour(0.15, 0.04, style.hue + 200);
    svg.add(sheet(hex(night)));
    const halo = svg.define((id) =>
      element(
        'radialGradient',
        { id },
        element('stop', {
          offset: 0,
          'stop-color': hex(colour(0.36, 0.13, style.hue + 20)),
          'stop-opacity': 0.8,
        }) + element('stop', { offset: 1, 'stop-color': hex(night), 'stop-opacity': 0 }),
      ),
    );
    svg.add(element('circle', { cx: 64, cy: 64, r: 84, fill: halo }));
    if (style.backdrop !== 'plain') {
      const brick = 7 + 4 * style.scale;
      const rows = Array.from({ length: Math.ceil(128 / brick) }, (_, row) => {
        const joints = Array.from(
          { length: 10 },
          (_, i) => `M${(i + (row % 2) / 2) * brick * 2} ${row * brick}v${brick}`,
        );
        return `M0 ${row * brick}H128${joints.join('')}`;
      });
      svg.add(
        element('path', {
          d: rows.join(''),
          stroke: '#000',
          'stroke-width': 1,
          opacity: 0.4,
          fill: 'none',
        }),
      );
    }
    const tube = 1 + 0.9 * style.weight;
    const drawn = bent(parts, random, 0.6 * style.wobble);
    const lit = drawn.map((part) => {
      const { c, h, l } = colourOf(palette, part);
      return { part, light: colour(0.62 + 0.2 * l, Math.max(c * 1.2, 0.1), h) };
    });
    const tubes = (width: number, tone: number) =>
      lit.map(({ part, light }) => contours([part], hex(shade(light, tone)), width));
    for (const { part, light } of lit) {
      svg.add(path([part.outline], { fill: hex(shade(light, -0.72)), opacity: 0.8 }));
    }
    svg.add(group({ filter: blurred(svg, 2.6), opacity: 0.95 }, tubes(tube * 3, 0)));
    svg.add(...tubes(tube, 0.1), ...tubes(tube * 0.4, 0.8));
  },
};

const deco: Family = {
  name: 'art deco',
  about: 'gold lines on dark lacquer before a fan of rays',
  paint({ svg, parts, palette, style }) {
    const lacquer = colour(0.2 + 0.1 * style.depth, 0.04, style.hue);
    const [dull, bright, pale] = [
      colour(0.58, 0.1, 78),
      colour(0.8, 0.12, 86),
      colour(0.93, 0.06, 92),
    ];
    const gold = gradient(
      svg,
      [
        [
          [0, 0],
          [128, 128],
        ],
      ],
      35 + style.angle / 6,
      [dull, pale, bright, dull, pale, dull],
    );
    svg.add(sheet(hex(lacquer)));
    const count = 12 + Math.round(style.scale * 12);
    const rays = Array.from({ length: count }, (_, i) => {
      const turn = Math.PI * (1 + i / (count - 1));
      return `M64 118L${64 + 150 * Math.cos(turn)} ${118 + 150 * Math.sin(turn)}`;
    });
    svg.add(
      element('path', { d: rays.join(''), stroke: gold, 'stroke-width': 0.9, opacity: 0.55 }),
    );
    for (const r of [30, 62, 66])
      svg.add(
        element('circle', {
          cx: 64,
          cy: 118,
          r: r + 30 * style.wobble,
          fill: 'none',
          stroke: gold,
          'stroke-width': 1,
        }),
      );
    svg.add(
      element('path', {
        d: 'M3.5 3.5H124.5V124.5H3.5ZM7 14V121H121V7H7M7 7h7v7H7',
        fill: 'none',
        stroke: gold,
        'stroke-width': 1.2,
      }),
    );
    for (const part of parts) {
      const { l, c, h } = colourOf(palette, part);
      const light =
        part.role === 'pale' ||
        part.role === 'glow' ||
        part.role === 'window' ||
        part.role === 'accent';
      svg.add(
        path([part.outline], { fill: light ? gold : hex(colour(0.12 + l * 0.36, c * 0.75, h)) }),
      );
    }
    svg.add(contours(parts, gold, 0.8 + 0.8 * style.weight));
  },
};

const misprint: Family = {
  name: 'misregistered line',
  about: 'loose ink lines beside patches of colour that miss them',
  paint({ svg, parts, palette, style, random }) {
    svg.add(sheet(hex(palette.paper)));
    const turn = (style.angle * Math.PI) / 90;
    const miss = 2 + 2.4 * style.wobble;
    const patches = bent(
      shifted(parts, miss * Math.cos(turn), miss * Math.sin(turn)),
      random,
      2.4,
      26,
    );
    const flat = patches.filter(({ role }) => !['dark', 'eye', 'pale'].includes(role));
    svg.add(group({ opacity: 0.92 }, fills(flat, palette)));
    const lines = bent(parts, random, 0.5 + 1.2 * style.wobble, 12);
    const filter = roughened(svg, random, 1.4, 0.12);
    const ink = hex(palette.ink);
    svg.add(group({ filter }, [contours(lines, ink, 0.8 + 0.9 * style.weight)]));
    const solid = lines.filter(({ role }) => role === 'eye' || role === 'dark');
    svg.add(...solid.map(({ outline }) => path([outline], { fill: ink })));
  },
};

export const lineFamilies = [comic, sketch, blueprint, neon, deco, misprint] as const;

import { bent, fills, hatching, shifted, union } from '../brushes.ts';
import { colour, hex, mix, shade } from '../colour.ts';
import { contours } from '../contours.ts';
import { blurred, filter, grain, roughened, turbulence, worn } from '../filters.ts';
import { colourOf } from '../palette.ts';
import { element, group, path, sheet } from '../svg.ts';
import type { Family } from './easel.ts';

const watercolour: Family = {
  name: 'watercolour',
  about: 'thin washes that pool at their edges on rough paper',
  paint({ svg, parts, palette, style, random }) {
    svg.add(sheet(hex(colour(0.972, 0.012, palette.paper.h))));
    const cloud = filter(
      svg,
      turbulence(random, 0.022, 3, 'noise'),
      element('feColorMatrix', {
        in: 'noise',
        type: 'matrix',
        values: '0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 5 0 0 0 -1.9',
        result: 'mask',
      }),
      element('feComposite', { in: 'SourceGraphic', in2: 'mask', operator: 'in' }),
      element('feGaussianBlur', { stdDeviation: 1.2 }),
    );
    const wash = { ...palette.roles.ground, l: 0.84, c: 0.05 + 0.05 * style.chroma };
    svg.add(group({ filter: cloud, opacity: 0.75 }, [sheet(hex(wash))]));
    const edge = roughened(svg, random, 2.5 + 4 * style.wobble, 0.05);
    const pools = filter(
      svg,
      turbulence(random, 0.05, 3, 'noise'),
      element('feColorMatrix', {
        in: 'noise',
        type: 'matrix',
        values: '0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 2.4 0 0 0 -0.8',
        result: 'mask',
      }),
      element('feComposite', { in: 'mask', in2: 'SourceAlpha', operator: 'in' }),
    );
    const soft = bent(parts, random, 1, 20);
    const layers = soft.flatMap((part) => {
      const { l, c, h } = colourOf(palette, part);
      const paint = hex(colour(Math.min(l + 0.05, 0.97), c * 1.05, h));
      const rim = hex(colour(l - 0.1, c * 1.1, h));
      return [
        path([part.outline], {
          fill: paint,
          opacity: part.role === 'eye' || part.role === 'dark' ? 0.9 : 0.78,
        }),
        path([part.outline], {
          fill: 'none',
          stroke: rim,
          'stroke-width': 0.5 + 0.8 * style.weight,
          opacity: 0.5,
        }),
      ];
    });
    svg.add(group({ filter: edge }, layers));
    svg.add(group({ filter: pools, opacity: 0.42 }, [path(union(soft), { fill: '#fff' })]));
    svg.add(grain(svg, random, 0.02 + 0.05 * style.grain));
  },
};

const inkWash: Family = {
  name: 'ink wash',
  about: 'grey washes and a dark brush on rice paper, with a red seal',
  paint({ svg, parts, palette, style, random }) {
    const tint = colour(0.3, 0.045 * style.chroma, style.hue);
    svg.add(sheet(hex(colour(0.93, 0.02 + 0.02 * style.grain, 85))));
    const mist = svg.define((id) =>
      element(
        'linearGradient',
        { id, x2: 0, y2: 1 },
        element('stop', { offset: 0, 'stop-color': hex(tint), 'stop-opacity': 0 }) +
          element('stop', { offset: 1, 'stop-color': hex(tint), 'stop-opacity': 0.5 }),
      ),
    );
    const base = 84 + 18 * style.scale;
    svg.add(
      group({ filter: blurred(svg, 2) }, [
        element('path', {
          d: `M-8 ${base}Q20 ${base - 34} 44 ${base - 8}T96 ${base - 20}T136 ${base - 6}V${base + 20}H-8Z`,
          fill: mist,
        }),
      ]),
    );
    const bleed = roughened(svg, random, 3 + 3 * style.wobble, 0.07);
    const drawn = bent(parts, random, 0.9, 18);
    const washes = drawn.map((part) => {
      const { l } = colourOf(palette, part);
      const paint = colour(0.2 + l * 0.78, tint.c * (1 - l) * 1.4, style.hue);
      return path([part.outline], { fill: hex(paint), opacity: 0.86 });
    });
    svg.add(
      group({ filter: blurred(svg, 1.8), opacity: 0.5 }, [
        path(union(shifted(drawn, 1.5, 1.5)), { fill: hex(tint) }),
      ]),
    );
    svg.add(group({ filter: bleed }, washes));
    const brush = roughened(svg, random, 4, 0.11);
    svg.add(
      group({ filter: brush }, [
        contours(drawn, hex(shade(tint, -0.35)), 0.9 + 1.4 * style.weight, { opacity: 0.85 }),
      ]),
    );
    svg.add(
      group({}, [
        element('rect', { x: 110, y: 108, width: 12, height: 12, rx: 1.5, fill: '#b3282a' }),
        element('path', {
          d: 'M113 111h6M116 111v6M113 114.5h6M113 117.5h6',
          stroke: '#f3e6d6',
          'stroke-width': 1,
        }),
      ]),
    );
    svg.add(grain(svg, random, 0.06 + 0.12 * style.grain, '0.3 0.06', colour(0.45, 0.05, 80)));
  },
};

const chalk: Family = {
  name: 'chalk',
  about: 'dusty chalk on a blackboard',
  paint({ svg, parts, palette, style, random }) {
    const board = colour(0.25 + 0.07 * style.depth, 0.03, 195 + (style.hue / 360 - 0.5) * 110);
    svg.add(sheet(hex(board)));
    svg.add(grain(svg, random, 0.12 + 0.16 * style.grain, 0.03, colour(1, 0, 0)));
    const dusty = parts.map((part) => {
      const { l, c, h } = colourOf(palette, part);
      const dark = part.role === 'dark' || part.role === 'eye';
      return { part, light: dark ? board : colour(0.7 + l * 0.26, c * 0.7, h) };
    });
    const drawn = bent(parts, random, 0.5 + style.wobble);
    const cover = worn(svg, random, 0.6, '0.21 0.37');
    const layers = dusty.map(({ part, light }) =>
      path([part.outline], { fill: hex(light), opacity: 0.82 }),
    );
    svg.add(path(union(parts), { fill: hex(board) }));
    svg.add(group({ filter: cover }, layers));
    const rough = worn(svg, random, 0.8, 0.37, 2);
    svg.add(group({ filter: rough }, [contours(drawn, '#f6f4ec', 1.1 + 1.1 * style.weight)]));
  },
};

const crayon: Family = {
  name: 'crayon',
  about: 'waxy scribbles of a child on white paper',
  paint({ svg, parts, palette, style, random }) {
    svg.add(sheet(hex(colour(0.975, 0.012, 95))));
    const wax = worn(svg, random, 0.72, 0.29, 1.6);
    const drawn = bent(parts, random, 1 + 1.8 * style.wobble, 18);
    const gap = 2.1 + 0.9 * style.scale;
    const ground = palette.roles.ground;
    const sky = hatching(
      svg,
      hex({ ...ground, l: 0.82, c: 0.09 }),
      gap * 1.6,
      gap * 1.0,
      style.angle + 80,
    );
    const scribbles = drawn.flatMap((part) => {
      const paint = colourOf(palette, part);
      const vivid = hex({ ...paint, c: paint.c * 1.25 });
      const turn = style.angle + (part.role.length % 4) * 24;
      return [
        path([part.outline], { fill: hex(mix(paint, colour(0.98, 0, 0), 0.45)) }),
        path([part.outline], { fill: hatching(svg, vivid, gap, gap * 0.72, turn) }),
        path([part.outline], {
          fill: 'none',
          stroke: hex(shade(paint, -0.22)),
          'stroke-width': 1.2 + 1.3 * style.weight,
          'stroke-linejoin': 'round',
        }),
      ];
    });
    svg.add(group({ filter: worn(svg, random, 0.55, 0.29), opacity: 0.85 }, [sheet(sky)]));
    svg.add(path(union(drawn), { fill: '#faf8f2' }));
    svg.add(group({ filter: wax }, scribbles));
  },
};

const pastel: Family = {
  name: 'pastel',
  about: 'soft smudged chalks in pale colours on toned paper',
  paint({ svg, parts, behind, palette, style, random }) {
    const soft = (part: (typeof parts)[number]) => {
      const { l, c, h } = colourOf(palette, part);
      return hex(colour(0.5 + l * 0.45, c * 0.68, h));
    };
    svg.add(sheet(soft(behind[0]!)));
    const smudge = filter(
      svg,
      turbulence(random, 0.16, 2, 'noise'),
      element('feDisplacementMap', {
        in: 'SourceGraphic',
        in2: 'noise',
        scale: 4 + 3 * style.wobble,
        xChannelSelector: 'R',
        yChannelSelector: 'G',
        result: 'moved',
      }),
      element('feGaussianBlur', { stdDeviation: 0.9 }),
    );
    svg.add(
      group(
        { filter: blurred(svg, 3.5), opacity: 0.8 },
        behind.map((part) => path([part.outline], { fill: soft(part) })),
      ),
    );
    svg.add(
      group(
        { filter: smudge },
        parts.map((part) => path([part.outline], { fill: soft(part) })),
      ),
    );
    const dust = worn(svg, random, 0.4, '0.17 0.31');
    svg.add(
      group(
        { filter: dust, opacity: 0.5 },
        parts.map((part) =>
          path([part.outline], { fill: hex(shade(colourOf(palette, part), 0.62)) }),
        ),
      ),
    );
    svg.add(
      group(
        { filter: smudge, opacity: 0.75 },
        fills(
          parts.filter(({ role }) => role === 'eye'),
          palette,
        ),
      ),
    );
    svg.add(grain(svg, random, 0.14 + 0.2 * style.grain, 0.27, colour(0.98, 0.01, 80)));
  },
};

const risograph: Family = {
  name: 'risograph',
  about: 'two bright inks printed over each other, a little out of place',
  paint({ svg, parts, behind, palette, style, random }) {
    svg.add(sheet(hex(colour(0.96, 0.018, 95))));
    const first = hex(colour(0.66, 0.19, style.hue));
    const second = hex(colour(0.48 + 0.1 * style.depth, 0.14, style.hue + 150 + 60 * style.scale));
    // How much of either ink a role takes.
    const inks: Readonly<Record<string, readonly [number, number]>> = {
      body: [0.95, 0],
      trim: [0.75, 0.55],
      accent: [0.15, 0.8],
      pale: [0.06, 0],
      dark: [0.6, 1],
      eye: [1, 1],
      window: [0, 0.35],
      foliage: [0.12, 0.95],
      wood: [0.9, 0.7],
      glow: [0.4, 0],
      ground: [0.1, 0.2],
    };
    const plate = (which: 0 | 1, ink: string, shift: number) => {
      const printed = (part: (typeof parts)[number]) => {
        const amount = Math.min(Math.max(inks[part.role]![which] - part.tone * 0.8, 0), 1);
        return (
          path([part.outline], { fill: hex(mix(colour(1, 0, 0), palette.paper, 0)) }) +
          path([part.outline], { fill: ink, opacity: amount })
        );
      };
      const turn = (style.angle * Math.PI) / 90;
      const place = `translate(${(shift * Math.cos(turn)).toFixed(2)} ${(shift * Math.sin(turn)).toFixed(2)})`;
      return group(
        {
          style: 'mix-blend-mode:multiply',
          filter: worn(svg, random, 0.9 - 0.2 * style.grain, 0.37),
        },
        [group({ transform: place }, [...behind, ...parts].map(printed))],
      );
    };
    const miss = 0.6 + 1.6 * style.wobble;
    svg.add(plate(0, first, -miss), plate(1, second, miss));
  },
};

const clay: Family = {
  name: 'clay',
  about: 'puffed shapes of modelling clay under a lamp',
  paint({ svg, parts, behind, palette, style }) {
    svg.add(...fills(behind, palette));
    const azimuth = 200 + style.angle / 2;
    const lit = svg.define((id) =>
      element(
        'filter',
        {
          id,
          x: '-15%',
          y: '-15%',
          width: '130%',
          height: '130%',
          'color-interpolation-filters': 'sRGB',
        },
        element('feGaussianBlur', {
          in: 'SourceAlpha',
          stdDeviation: 1.7 + style.weight,
          result: 'height',
        }) +
          element(
            'feDiffuseLighting',
            {
              in: 'height',
              surfaceScale: 4.2,
              diffuseConstant: 1.12,
              'lighting-color': '#fff',
              result: 'light',
            },
            element('feDistantLight', { azimuth, elevation: 52 }),
          ) +
          element('feComposite', {
            in: 'SourceGraphic',
            in2: 'light',
            operator: 'arithmetic',
            k1: 1.12,
            k2: 0.06,
            k3: 0,
            k4: 0,
            result: 'shaded',
          }) +
          element(
            'feSpecularLighting',
            {
              in: 'height',
              surfaceScale: 3,
              specularConstant: 0.42,
              specularExponent: 16,
              'lighting-color': '#fff',
              result: 'shine',
            },
            element('feDistantLight', { azimuth, elevation: 50 }),
          ) +
          element('feComposite', {
            in: 'shaded',
            in2: 'shine',
            operator: 'arithmetic',
            k2: 1,
            k3: 0.8,
            result: 'glossy',
          }) +
          element('feComposite', { in: 'glossy', in2: 'SourceAlpha', operator: 'in' }),
      ),
    );
    svg.add(
      group({ filter: blurred(svg, 2.2), opacity: 0.4 }, [
        path(union(shifted(parts, 2.4, 3.2)), { fill: '#000' }),
      ]),
    );
    const puff = 1 + 1.1 * style.scale;
    for (const part of parts) {
      const fill = hex(colourOf(palette, part));
      svg.add(
        path([part.outline], {
          fill,
          stroke: fill,
          'stroke-width': puff,
          'stroke-linejoin': 'round',
          filter: lit,
        }),
      );
    }
  },
};

export const paintFamilies = [
  watercolour,
  inkWash,
  chalk,
  crayon,
  pastel,
  risograph,
  clay,
] as const;

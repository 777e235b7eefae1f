import { strokes } from '../brushes.ts';
import { colour, hex, mix, shade } from '../colour.ts';
import { blurred } from '../filters.ts';
import { curve, ellipse, type Point, rectangle } from '../outline.ts';
import type { Random } from '../random.ts';
import { element, group, type Svg } from '../svg.ts';
import { backdrop, below, plain, type Scene, shaded, skyline, varied } from './scene.ts';

/** A sky by day, with or without clouds. */
function paintSky(svg: Svg, random: Random): void {
  const blue = varied(random, colour(0.72, 0.1, 243), 0.12);
  const haze = random.chance(0.2) ? colour(0.9, 0.06, 60) : shade(blue, 0.6);
  svg.add(backdrop(svg, blue, haze, haze));
  const clouds = Array.from({ length: random.integer(0, 3) }, () => {
    const [x, y, size] = [random.uniform(0, 128), random.uniform(6, 40), random.uniform(6, 13)];
    return [-1.1, -0.4, 0.4, 1.1].map((k) =>
      plain(
        ellipse(x + k * size, y - (1 - Math.abs(k)) * size * 0.3, size * 0.75, size * 0.45),
        colour(0.98, 0.005, 240),
        0.85,
      ),
    );
  });
  svg.add(group({ filter: blurred(svg, 1.1) }, clouds.flat()));
}

/** Short blades or stones scattered over the floor. */
function scatter(random: Random, top: number, count: number, long: number, lean: number): string[] {
  return Array.from({ length: 3 }, (_, k) => {
    const lines = Array.from({ length: count }, (): readonly [Point, Point] => {
      const y = top + (128 - top) * random.uniform(0, 1) ** 0.7;
      const x = random.uniform(-4, 132);
      const size = long * (0.4 + (y - top) / (129 - top));
      return [
        [x, y],
        [x + lean * size + random.uniform(-1, 1), y - size],
      ];
    });
    return strokes(lines, {
      stroke: ['#000', '#fff', '#000'][k]!,
      'stroke-width': 0.7,
      opacity: [0.16, 0.2, 0.1][k]!,
    });
  });
}

const hill = (random: Random, y: number, rise: number): Point[] =>
  curve(...skyline(random, y, rise, 36));

const meadow: Scene = {
  name: 'meadow',
  where: 'on a meadow',
  paint(svg, random) {
    paintSky(svg, random);
    const green = varied(random, colour(0.63, 0.14, 132), 0.12);
    const horizon = random.uniform(62, 84);
    const far = mix(green, colour(0.8, 0.05, 220), 0.45);
    svg.add(shaded(svg, below(hill(random, horizon - 10, 6)), far, far));
    svg.add(shaded(svg, below(hill(random, horizon, 3)), shade(green, 0.15), shade(green, -0.3)));
    svg.add(...scatter(random, horizon + 6, 130, 4, 0.15));
    if (random.chance(0.4)) {
      const petal = hex(
        random.pick([colour(0.95, 0.03, 90), colour(0.85, 0.15, 95), colour(0.7, 0.17, 20)]),
      );
      for (let i = 0; i < 14; i++) {
        const y = random.uniform(horizon + 8, 126);
        const r = 0.7 + (y - horizon) / 60;
        svg.add(element('circle', { cx: random.uniform(0, 128), cy: y, r, fill: petal }));
      }
    }
    return { floor: random.uniform(106, 120), shadow: true };
  },
};

const forest: Scene = {
  name: 'forest',
  where: 'in a forest',
  paint(svg, random) {
    const green = varied(random, colour(0.46, 0.08, 145), 0.12);
    svg.add(backdrop(svg, shade(green, 0.5), shade(green, 0.2), green));
    for (const [depth, count] of [
      [0.3, 9],
      [0.05, 6],
      [-0.25, 4],
    ] as const) {
      const trunks = Array.from({ length: count }, () => {
        const [x, width] = [random.uniform(-6, 134), 4 - depth * 14 + random.uniform(-1, 2)];
        return plain(rectangle(x, -8, width, 112), shade(colour(0.42, 0.045, 90), depth));
      });
      svg.add(group({ filter: blurred(svg, 0.5 + Math.max(depth, 0) * 3) }, trunks));
      const leaves = Array.from({ length: 9 }, () =>
        plain(
          ellipse(
            random.uniform(-8, 136),
            random.uniform(-8, 14),
            random.uniform(9, 17),
            random.uniform(7, 12),
          ),
          shade(green, depth * 0.7 + random.uniform(-0.15, 0.1)),
          0.9,
        ),
      );
      svg.add(group({ filter: blurred(svg, 0.8) }, leaves));
    }
    const soil = varied(
      random,
      random.chance(0.5) ? colour(0.46, 0.06, 70) : colour(0.5, 0.1, 130),
    );
    svg.add(shaded(svg, below(hill(random, 92, 3)), shade(soil, 0.12), shade(soil, -0.35)));
    svg.add(...scatter(random, 96, 70, 3, 0.3));
    return { floor: random.uniform(108, 120), shadow: true };
  },
};

const street: Scene = {
  name: 'street',
  where: 'on a street',
  paint(svg, random) {
    paintSky(svg, random);
    const houses: string[] = [];
    for (let x = -10; x < 132; ) {
      const width = random.uniform(20, 34);
      const top = random.uniform(18, 48);
      const hue = random.pick([30, 50, 70, 230, 15]);
      const wall = colour(random.uniform(0.55, 0.8), random.uniform(0.02, 0.08), hue);
      houses.push(plain(rectangle(x, top, width, 84), wall));
      for (let y = top + 6; y < 76; y += 11) {
        for (let at = x + 4; at < x + width - 6; at += 9) {
          houses.push(
            plain(
              rectangle(at, y, 5, 6.5),
              shade(colour(0.45, 0.05, 240), random.uniform(-0.2, 0.5)),
            ),
          );
        }
      }
      x += width;
    }
    svg.add(group({ filter: blurred(svg, 0.7) }, houses));
    const grey = varied(random, colour(0.56, 0.012, 260));
    svg.add(
      shaded(svg, rectangle(-8, 84, 144, 10), colour(0.74, 0.01, 80), colour(0.66, 0.01, 80)),
    );
    svg.add(shaded(svg, rectangle(-8, 92, 144, 44), grey, shade(grey, -0.3)));
    const mark = {
      stroke: '#eceade',
      'stroke-width': 2.2,
      'stroke-dasharray': '14 10',
      opacity: 0.8,
    };
    svg.add(element('path', { d: 'M-8 122H136', ...mark }));
    return { floor: random.uniform(108, 116), shadow: true };
  },
};

const mountains: Scene = {
  name: 'mountains',
  where: 'in the mountains',
  paint(svg, random) {
    paintSky(svg, random);
    const rock = varied(random, colour(0.55, 0.04, 255));
    for (const [y, rise, depth] of [
      [46, 20, 0.4],
      [64, 15, 0.1],
    ] as const) {
      const ridge = skyline(random, y, rise, random.uniform(17, 26));
      const paint = shade(rock, depth);
      svg.add(shaded(svg, below(ridge), paint, shade(paint, 0.25)));
      const snow = ridge.flatMap(([x, top], i) => {
        const [before, after] = [ridge[i - 1], ridge[i + 1]];
        if (!before || !after || top > before[1] || top > after[1]) return [];
        const along = (to: Point): Point => [x + (to[0] - x) * 0.34, top + (to[1] - top) * 0.34];
        return [
          plain(
            [[x, top], along(after), [x + 1.5, top + 5], along(before)],
            colour(0.97, 0.005, 240),
          ),
        ];
      });
      svg.add(...snow);
    }
    const green = varied(random, colour(0.52, 0.09, 140));
    svg.add(shaded(svg, below(hill(random, 88, 5)), shade(green, 0.1), shade(green, -0.4)));
    svg.add(...scatter(random, 92, 70, 3, 0.2));
    return { floor: random.uniform(106, 118), shadow: true };
  },
};

const desert: Scene = {
  name: 'desert',
  where: 'in the desert',
  paint(svg, random) {
    const sky = varied(random, random.chance(0.6) ? colour(0.76, 0.09, 238) : colour(0.8, 0.1, 62));
    svg.add(backdrop(svg, sky, shade(sky, 0.5), shade(sky, 0.6)));
    svg.add(
      element('circle', {
        cx: random.uniform(12, 116),
        cy: random.uniform(12, 34),
        r: 7,
        fill: '#fff3c8',
      }),
    );
    const sand = varied(random, colour(0.8, 0.1, 76));
    for (const [y, rise, depth] of [
      [70, 8, 0.05],
      [82, 6, -0.06],
      [96, 5, 0.02],
    ] as const) {
      const paint = shade(sand, depth);
      svg.add(shaded(svg, below(hill(random, y, rise)), shade(paint, 0.15), shade(paint, -0.22)));
    }
    return { floor: random.uniform(106, 118), shadow: true };
  },
};

const snow: Scene = {
  name: 'snow',
  where: 'in the snow',
  paint(svg, random) {
    const sky = varied(random, colour(0.8, 0.05, 245));
    svg.add(backdrop(svg, shade(sky, -0.1), shade(sky, 0.4), shade(sky, 0.5)));
    const pines = Array.from({ length: random.integer(3, 9) }, () => {
      const [x, size] = [random.uniform(0, 128), random.uniform(10, 24)];
      const tree: Point[] = [
        [x, 84 - size],
        [x + size * 0.3, 86],
        [x - size * 0.3, 86],
      ];
      return plain(tree, shade(colour(0.42, 0.05, 165), random.uniform(0, 0.4)));
    });
    svg.add(group({ filter: blurred(svg, 0.8) }, pines));
    svg.add(
      shaded(svg, below(hill(random, 82, 5)), colour(0.97, 0.008, 240), colour(0.82, 0.03, 245)),
    );
    const flakes = Array.from({ length: random.integer(20, 60) }, () =>
      element('circle', {
        cx: random.uniform(0, 128),
        cy: random.uniform(0, 128),
        r: random.uniform(0.5, 1.1),
        fill: '#fff',
      }),
    );
    return { floor: random.uniform(106, 119), shadow: true, front: () => void svg.add(...flakes) };
  },
};

const sky: Scene = {
  name: 'sky',
  where: 'in the sky',
  paint(svg, random) {
    const blue = varied(random, colour(0.66, 0.12, 246), 0.16);
    svg.add(backdrop(svg, blue, shade(blue, 0.65)));
    const puffs = Array.from({ length: random.integer(2, 6) }, () => {
      const [x, y, size] = [random.uniform(0, 128), random.uniform(8, 124), random.uniform(8, 20)];
      return [-1, -0.35, 0.3, 0.9].map((k) =>
        plain(
          ellipse(x + k * size, y - (1 - Math.abs(k)) * size * 0.35, size * 0.62, size * 0.42),
          colour(0.985, 0.006, 240),
          0.8,
        ),
      );
    });
    svg.add(group({ filter: blurred(svg, 1.8) }, puffs.flat()));
    return { floor: random.uniform(104, 112), shadow: false };
  },
};

const night: Scene = {
  name: 'night',
  where: 'at night',
  paint(svg, random) {
    const dark = varied(random, colour(0.24, 0.07, 272), 0.15);
    svg.add(backdrop(svg, shade(dark, -0.3), dark, shade(dark, 0.25)));
    for (let i = 0; i < 40; i++) {
      const star = {
        cx: random.uniform(0, 128),
        cy: random.uniform(0, 84),
        r: random.uniform(0.3, 0.9),
      };
      svg.add(element('circle', { ...star, fill: '#fff', opacity: 0.8 }));
    }
    const [cx, cy] = [random.uniform(14, 114), random.uniform(14, 28)];
    svg.add(element('circle', { cx, cy, r: 8, fill: '#f4efd6' }));
    if (random.chance(0.5))
      svg.add(element('circle', { cx: cx + 3.5, cy: cy - 2, r: 7, fill: hex(dark) }));
    const land = varied(random, colour(0.27, 0.04, random.pick([150, 265, 80])));
    svg.add(shaded(svg, below(hill(random, 90, 5)), shade(land, 0.12), shade(land, -0.4)));
    return { floor: random.uniform(108, 119), shadow: true };
  },
};

export const outdoorScenes = [meadow, forest, street, mountains, desert, snow, sky, night] as const;

import { strokes } from '../brushes.ts';
import { colour, hex, shade } from '../colour.ts';
import { blurred } from '../filters.ts';
import { ellipse, type Point, rectangle } from '../outline.ts';
import type { Random } from '../random.ts';
import { element, group, path, type Svg } from '../svg.ts';
import { backdrop, below, plain, type Scene, shaded, varied } from './scene.ts';

const wave = (y: number, length: number, height: number, phase: number): Point[] =>
  Array.from({ length: 70 }, (_, i): Point => {
    const x = -8 + i * 2.1;
    return [x, y + height * Math.sin((x / length + phase) * 2 * Math.PI)];
  });

function glints(random: Random, top: number, count: number): string {
  const lines = Array.from({ length: count }, (): readonly [Point, Point] => {
    const y = random.uniform(top, 127);
    const [x, length] = [random.uniform(-4, 128), 2 + (y - top) / 9];
    return [
      [x, y],
      [x + length, y],
    ];
  });
  return strokes(lines, { stroke: '#fff', 'stroke-width': 0.8, opacity: 0.45 });
}

const sea: Scene = {
  name: 'sea',
  where: 'on the sea',
  paint(svg, random) {
    const blue = varied(random, colour(0.74, 0.09, 240), 0.1);
    const warm = random.chance(0.3) ? colour(0.87, 0.09, 55) : shade(blue, 0.55);
    svg.add(backdrop(svg, blue, warm, warm));
    const water = varied(random, colour(0.55, 0.1, 232));
    const horizon = random.uniform(66, 80);
    svg.add(shaded(svg, rectangle(-8, horizon, 144, 70), shade(water, 0.25), shade(water, -0.35)));
    svg.add(glints(random, horizon + 2, 44));
    const floor = random.uniform(104, 112);
    const front = () => {
      const phase = random.uniform(0, 1);
      svg.add(plain(below(wave(floor - 3, 19, 1.6, phase)), shade(water, 0.05), 0.8));
      svg.add(plain(below(wave(floor + 5, 25, 2, phase + 0.4)), shade(water, -0.2), 0.85));
      svg.add(glints(random, floor + 2, 14));
    };
    return { floor, shadow: false, front };
  },
};

const underwater: Scene = {
  name: 'underwater',
  where: 'under water',
  paint(svg, random) {
    const water = varied(random, colour(0.58, 0.11, 218));
    svg.add(backdrop(svg, shade(water, 0.45), water, shade(water, -0.45)));
    const beams = Array.from({ length: 4 }, () => {
      const [x, width] = [random.uniform(0, 128), random.uniform(6, 15)];
      return path(
        [
          [
            [x, -8],
            [x + width, -8],
            [x + width - 26, 120],
            [x - 48, 120],
          ],
        ],
        { fill: '#fff', opacity: 0.12 },
      );
    });
    svg.add(group({ filter: blurred(svg, 2) }, beams));
    const sand = varied(random, colour(0.72, 0.06, 95));
    svg.add(shaded(svg, below(wave(112, 60, 3, random.uniform(0, 1))), sand, shade(sand, -0.3)));
    for (let i = random.integer(2, 6); i > 0; i--) {
      const [x, height] = [random.uniform(0, 128), random.uniform(16, 40)];
      const weed = `M${x} 118q6 ${-height / 4} 0 ${-height / 2}t0 ${-height / 2}`;
      const stroke = hex(shade(colour(0.48, 0.1, 150), random.uniform(-0.3, 0.2)));
      svg.add(
        element('path', {
          d: weed,
          fill: 'none',
          stroke,
          'stroke-width': 2.6,
          'stroke-linecap': 'round',
        }),
      );
    }
    for (let i = 0; i < 12; i++) {
      const bubble = {
        cx: random.uniform(0, 128),
        cy: random.uniform(4, 104),
        r: random.uniform(0.7, 2.2),
      };
      svg.add(
        element('circle', {
          ...bubble,
          fill: 'none',
          stroke: '#fff',
          'stroke-width': 0.6,
          opacity: 0.6,
        }),
      );
    }
    return { floor: random.uniform(112, 119), shadow: false };
  },
};

const beach: Scene = {
  name: 'beach',
  where: 'on a beach',
  paint(svg, random) {
    const blue = varied(random, colour(0.75, 0.09, 238), 0.1);
    svg.add(backdrop(svg, blue, shade(blue, 0.6), shade(blue, 0.6)));
    const water = varied(random, colour(0.62, 0.1, 222));
    const horizon = random.uniform(54, 68);
    svg.add(shaded(svg, rectangle(-8, horizon, 144, 50), shade(water, -0.1), shade(water, 0.4)));
    svg.add(glints(random, horizon + 2, 20));
    const shore = horizon + random.uniform(16, 24);
    const sand = varied(random, colour(0.85, 0.07, 84));
    svg.add(plain(below(wave(shore - 2, 70, 2, random.uniform(0, 1))), colour(0.97, 0.01, 220)));
    svg.add(shaded(svg, below(wave(shore, 70, 2, random.uniform(0, 1))), sand, shade(sand, -0.22)));
    return { floor: random.uniform(106, 119), shadow: true };
  },
};

/** A wall with what hangs on it. */
function paintWall(svg: Svg, random: Random, floor: number): void {
  const hue = random.pick([85, 60, 220, 150, 20, 260]);
  const wall = colour(random.uniform(0.7, 0.9), random.uniform(0.015, 0.06), hue);
  svg.add(backdrop(svg, shade(wall, 0.12), wall, shade(wall, -0.15)));
  const things: string[] = [];
  const kind = random.integer(0, 3);
  const x = random.pick([6, 84, 90]);
  if (kind === 0) {
    things.push(plain(rectangle(x - 2, 8, 36, 40), colour(0.95, 0.01, 90)));
    things.push(plain(rectangle(x, 10, 32, 36), colour(0.84, 0.07, 235)));
    things.push(plain(rectangle(x + 15, 10, 2, 36), colour(0.95, 0.01, 90)));
    things.push(plain(rectangle(x, 27, 32, 2), colour(0.95, 0.01, 90)));
  } else if (kind === 1) {
    things.push(plain(rectangle(x, 12, 26, 22), colour(0.4, 0.05, 60)));
    things.push(
      plain(
        rectangle(x + 2.5, 14.5, 21, 17),
        colour(0.7, random.uniform(0.05, 0.12), random.uniform(0, 360)),
      ),
    );
  } else if (kind === 2) {
    things.push(plain(rectangle(x - 4, 32, 40, 2.6), colour(0.45, 0.06, 60)));
    for (let i = 0; i < 6; i++) {
      const tall = random.uniform(11, 16);
      const book = colour(random.uniform(0.4, 0.7), 0.1, random.uniform(0, 360));
      things.push(plain(rectangle(x + i * 5, 32 - tall, 4.4, tall), book));
    }
  }
  svg.add(group({ filter: blurred(svg, 0.7) }, things));
  svg.add(plain(rectangle(-8, floor - 3, 144, 3), shade(wall, 0.45)));
}

const room: Scene = {
  name: 'room',
  where: 'in a room',
  paint(svg, random) {
    const edge = random.uniform(80, 92);
    paintWall(svg, random, edge);
    const wood = varied(
      random,
      random.pick([colour(0.56, 0.08, 62), colour(0.42, 0.06, 50), colour(0.74, 0.04, 80)]),
    );
    svg.add(shaded(svg, rectangle(-8, edge, 144, 60), shade(wood, 0.1), shade(wood, -0.3)));
    const boards = [-60, -20, 20, 60, 100, 148, 188].map(
      (x) => `M${x} 136L${64 + (x - 64) * 0.62} ${edge}`,
    );
    svg.add(
      element('path', {
        d: boards.join(''),
        stroke: '#000',
        'stroke-width': 0.7,
        opacity: 0.25,
        fill: 'none',
      }),
    );
    if (random.chance(0.5)) {
      const rug = colour(
        random.uniform(0.45, 0.7),
        random.uniform(0.05, 0.12),
        random.uniform(0, 360),
      );
      svg.add(
        plain(ellipse(64, 116, 56, 12), rug),
        plain(ellipse(64, 116, 48, 9.4), shade(rug, 0.3)),
      );
    }
    return { floor: random.uniform(108, 119), shadow: true };
  },
};

const table: Scene = {
  name: 'table',
  where: 'on a table',
  paint(svg, random) {
    const edge = random.uniform(78, 92);
    paintWall(svg, random, 200);
    const top = varied(
      random,
      random.pick([
        colour(0.6, 0.09, 62),
        colour(0.46, 0.07, 50),
        colour(0.9, 0.012, 85),
        colour(0.62, 0.08, 250),
        colour(0.7, 0.1, 25),
      ]),
      0.14,
    );
    svg.add(shaded(svg, rectangle(-8, edge, 144, 60), shade(top, 0.2), shade(top, -0.22)));
    const grain = Array.from({ length: 22 }, (): readonly [Point, Point] => {
      const [x, y] = [random.uniform(-20, 120), random.uniform(edge + 2, 127)];
      return [
        [x, y],
        [x + random.uniform(10, 40), y + random.uniform(-0.5, 0.5)],
      ];
    });
    svg.add(strokes(grain, { stroke: '#000', 'stroke-width': 0.5, opacity: 0.16 }));
    return { floor: random.uniform(106, 118), shadow: true };
  },
};

export const waterAndRoomScenes = [sea, underwater, beach, room, table] as const;

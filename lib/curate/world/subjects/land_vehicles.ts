import type { Pen } from '../drawing.ts';
import { arc, blob, curve, ellipse, rectangle, ribbon, rounded, star } from '../outline.ts';
import type { Subject } from './subject.ts';

const wheel = (pen: Pen, x: number, y: number, radius: number) => {
  pen('dark', ellipse(x, y, radius));
  pen('pale', ellipse(x, y, radius * 0.52), -0.15);
  pen('dark', ellipse(x, y, radius * 0.2));
};

/** The lines of a wheel without a tyre's mass. */
const spokes = (pen: Pen, x: number, y: number, radius: number) => {
  pen('dark', ribbon(arc(x, y, radius, radius, 0, 362), 3.6));
  for (const turn of [20, 80, 140]) {
    const [u, v] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
    const reach = radius - 1;
    pen(
      'pale',
      ribbon(
        [
          [x - u * reach, y - v * reach],
          [x + u * reach, y + v * reach],
        ],
        1.2,
      ),
      -0.3,
    );
  }
  pen('dark', ellipse(x, y, 2.4));
};

/** Paints of vehicles. */
export const paints = {
  red: { body: '#c8322b', trim: '#8e2320', accent: '#f0c14b', pale: '#e6e6e6' },
  blue: { body: '#2f65b0', trim: '#214a85', accent: '#f0c14b', pale: '#e6e6e6' },
  yellow: { body: '#e9b92f', trim: '#b98a1d', accent: '#c8322b', pale: '#e9e6e0' },
  green: { body: '#3d8a53', trim: '#2b663c', accent: '#f0d27a', pale: '#e6e6e6' },
} as const;

const car: Subject = {
  name: 'car',
  plural: 'cars',
  kind: 'vehicle',
  scenes: ['street', 'desert', 'mountains', 'night'],
  variants: paints,
  draw(pen, random) {
    const roof = random.uniform(-5, 4);
    pen(
      'body',
      blob([24, 56], [34, 37 + roof], [46, 33 + roof], [66, 34 + roof], [78, 56], [50, 60]),
    );
    pen('window', [
      [30, 54],
      [38, 40 + roof],
      [50, 39 + roof],
      [50, 54],
    ]);
    pen('window', [
      [54, 54],
      [54, 39 + roof],
      [66, 40 + roof],
      [73, 54],
    ]);
    pen(
      'body',
      blob([3, 74], [6, 60], [24, 54], [50, 53], [78, 54], [95, 60], [97, 76], [90, 83], [10, 83]),
    );
    pen('trim', rounded(4, 76, 92, 7, 3));
    pen('glow', ellipse(7, 66, 3.4, 4));
    pen('accent', ellipse(94, 65, 2.6, 4));
    pen(
      'trim',
      ribbon(
        [
          [52, 55],
          [52, 76],
        ],
        1.2,
      ),
    );
    pen('pale', rounded(56, 59, 7, 2.4, 1.2));
    wheel(pen, 25, 83, 12);
    wheel(pen, 75, 83, 12);
  },
};

const bus: Subject = {
  name: 'bus',
  plural: 'buses',
  kind: 'vehicle',
  scenes: ['street', 'night', 'mountains'],
  variants: paints,
  draw(pen, random) {
    const panes = random.integer(4, 5);
    pen('body', rounded(2, 26, 96, 60, 9));
    pen('pale', rectangle(2, 60, 96, 7));
    pen('window', rounded(5, 34, 12, 24, 3));
    const pane = 58 / panes;
    for (let i = 0; i < panes; i++) pen('window', rounded(37 + i * pane, 34, pane - 3, 20, 2));
    pen('trim', rectangle(20, 34, 13, 50));
    pen('window', rectangle(21.5, 36, 4.5, 36), 0.1);
    pen('window', rectangle(27, 36, 4.5, 36), 0.1);
    pen('trim', rectangle(2, 80, 96, 6));
    pen('glow', ellipse(6, 75, 3));
    wheel(pen, 42, 85, 10);
    wheel(pen, 80, 85, 10);
  },
};

const truck: Subject = {
  name: 'truck',
  plural: 'trucks',
  kind: 'vehicle',
  scenes: ['street', 'desert', 'mountains'],
  variants: paints,
  draw(pen, random) {
    const load = random.uniform(-8, 6);
    pen('dark', rectangle(8, 78, 88, 6));
    pen('pale', rectangle(38, 26 + load, 60, 54 - load));
    for (const x of [50, 62, 74, 86]) pen('trim', rectangle(x, 28 + load, 1.4, 50 - load), 0.2);
    pen('accent', rectangle(38, 56, 60, 7));
    pen('body', [
      [4, 60],
      [11, 56],
      [17, 38],
      [35, 38],
      [35, 82],
      [4, 82],
    ]);
    pen('window', [
      [15, 56],
      [20, 43],
      [31, 43],
      [31, 56],
    ]);
    pen('trim', rectangle(4, 74, 31, 8));
    pen('glow', ellipse(7, 68, 3));
    for (const x of [20, 66, 86]) wheel(pen, x, 85, 10);
  },
};

const bicycle: Subject = {
  name: 'bicycle',
  plural: 'bicycles',
  kind: 'vehicle',
  scenes: ['street', 'meadow', 'beach'],
  variants: paints,
  draw(pen, random) {
    const radius = random.uniform(19, 22);
    const y = 95 - radius - 2;
    spokes(pen, 23, y, radius);
    spokes(pen, 77, y, radius);
    const frame = [
      [
        [77, y],
        [50, y],
      ],
      [
        [50, y],
        [33, 44],
      ],
      [
        [33, 44],
        [60, 42],
      ],
      [
        [60, 42],
        [77, y],
      ],
      [
        [50, y],
        [60, 38],
      ],
      [
        [23, y],
        [31, 34],
      ],
    ] as const;
    for (const line of frame) pen('body', ribbon(line, 4));
    pen('dark', rounded(50, 32, 21, 6, 3));
    pen('dark', ribbon(curve([32, 34], [24, 30], [18, 34]), 3.6));
    pen('accent', ellipse(50, y, 5.4));
    pen(
      'dark',
      ribbon(
        [
          [46, y + 9],
          [54, y - 9],
        ],
        2,
      ),
    );
    pen('dark', rounded(42, y + 8, 8, 3, 1.5));
  },
};

const train: Subject = {
  name: 'train',
  plural: 'trains',
  kind: 'vehicle',
  scenes: ['mountains', 'meadow', 'desert', 'snow'],
  variants: {
    ...paints,
    black: { body: '#33343a', trim: '#1f2025', accent: '#c2423a', pale: '#c9a452' },
  },
  draw(pen, random) {
    const puff = random.uniform(0, 6);
    for (const [x, y, r] of [
      [22, 14, 6],
      [34, 9, 8],
      [50, 6, 10],
    ] as const)
      pen('pale', ellipse(x + puff, y, r, r * 0.75), 0.3);
    pen('dark', rectangle(0, 92.5, 100, 2.5));
    pen('accent', [
      [16, 22],
      [30, 22],
      [27, 44],
      [19, 44],
    ]);
    pen('body', rounded(8, 40, 56, 30, 10));
    pen('trim', rectangle(26, 40, 4, 30));
    pen('trim', rectangle(42, 40, 4, 30));
    pen('pale', ellipse(38, 40, 6, 7));
    pen('body', rectangle(62, 26, 32, 52));
    pen('trim', rectangle(58, 20, 40, 7));
    pen('window', rectangle(68, 33, 20, 17));
    pen('glow', ellipse(8, 50, 5));
    pen('trim', rectangle(6, 68, 90, 9));
    pen('accent', [
      [6, 74],
      [14, 74],
      [14, 91],
      [0, 91],
    ]);
    for (const x of [26, 46]) wheel(pen, x, 84, 9.5);
    wheel(pen, 78, 80, 13);
    pen(
      'pale',
      ribbon(
        [
          [26, 84],
          [78, 82],
        ],
        3,
      ),
    );
  },
};

const tractor: Subject = {
  name: 'tractor',
  plural: 'tractors',
  kind: 'vehicle',
  scenes: ['meadow', 'forest'],
  variants: paints,
  draw(pen, random) {
    const cab = random.uniform(-4, 4);
    pen('dark', rectangle(20, 26, 4, 26));
    pen('body', [
      [6, 52],
      [10, 48],
      [50, 46],
      [50, 76],
      [6, 76],
    ]);
    pen('trim', rectangle(10, 54, 2.4, 18));
    pen('trim', rectangle(15, 54, 2.4, 18));
    pen('glow', ellipse(7, 56, 2.6));
    pen('window', [
      [48, 22 + cab],
      [80, 22 + cab],
      [84, 56],
      [44, 56],
    ]);
    pen('body', rectangle(43, 16 + cab, 43, 7));
    pen(
      'body',
      ribbon(
        [
          [62, 20 + cab],
          [62, 56],
        ],
        3,
      ),
    );
    pen('body', [
      [44, 54],
      [92, 54],
      [92, 66],
      [44, 76],
    ]);
    pen('trim', arc(74, 72, 27, 27, 190, 330));
    pen('dark', star(74, 72, 18, 24, 21.5));
    pen('accent', ellipse(74, 72, 13));
    pen('dark', ellipse(74, 72, 4));
    pen('dark', star(22, 82, 12, 13.6, 12));
    pen('accent', ellipse(22, 82, 6.4));
  },
};

export const landVehicles = [car, bus, truck, bicycle, train, tractor] as const;

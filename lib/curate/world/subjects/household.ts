import { arc, blob, curve, ellipse, type Point, rectangle, ribbon, rounded } from '../outline.ts';
import type { Subject } from './subject.ts';

const paints = {
  red: { body: '#c23b34', trim: '#93292a', accent: '#efc14c', pale: '#f5e8dc' },
  blue: { body: '#3a6fb2', trim: '#284f86', accent: '#f0b64a', pale: '#e6eff7' },
  green: { body: '#4d9068', trim: '#356b4b', accent: '#eec35a', pale: '#e7f1e6' },
  yellow: { body: '#e5b83a', trim: '#bb8d24', accent: '#c2503a', pale: '#fbf2d2' },
} as const;

const teapot: Subject = {
  name: 'teapot',
  plural: 'teapots',
  kind: 'thing',
  scenes: ['table', 'room'],
  variants: {
    ...paints,
    white: { body: '#eeece6', trim: '#c9c5bb', accent: '#4a74b0', pale: '#ffffff' },
  },
  draw(pen, random) {
    const spout = random.uniform(-5, 5);
    pen('trim', ribbon(arc(78, 60, 17, 19, -100, 100), 6));
    pen('body', [
      ...curve([32, 62], [20, 58], [14, 44 + spout], [4, 36 + spout]),
      ...curve([12, 32 + spout], [24, 40 + spout], [34, 44]),
    ]);
    pen(
      'body',
      blob([50, 32], [72, 38], [82, 60], [72, 84], [50, 90], [28, 84], [18, 60], [28, 38]),
    );
    pen('trim', rounded(34, 88, 32, 7, 3));
    pen('accent', blob([19, 58], [50, 64], [81, 58], [81, 66], [50, 73], [19, 66]));
    pen('trim', blob([30, 36], [50, 22], [70, 36], [50, 40]));
    pen('accent', ellipse(50, 20, 6));
    pen('pale', blob([30, 46], [36, 42], [34, 54], [28, 56]));
  },
};

const cup: Subject = {
  name: 'cup',
  plural: 'cups',
  kind: 'thing',
  scenes: ['table', 'room'],
  variants: {
    ...paints,
    white: { body: '#f0eee9', trim: '#cfcac0', accent: '#7fa6c8', pale: '#ffffff' },
  },
  draw(pen, random) {
    const steam = random.uniform(-4, 4);
    for (const x of [34, 50])
      pen(
        'pale',
        ribbon(curve([x, 30], [x - 5 + steam, 22], [x + 5, 14], [x - 3 + steam, 4]), 3.4, 2),
        -0.1,
      );
    pen('trim', ribbon(arc(74, 56, 17, 15, -100, 95), 7));
    pen('pale', ellipse(44, 92, 42, 5), -0.12);
    pen('body', [
      [12, 38],
      [76, 38],
      ...curve([76, 38], [74, 70], [60, 92]),
      ...curve([28, 92], [14, 70], [12, 38]),
    ]);
    pen('accent', [
      [13.5, 58],
      [74.6, 58],
      [72, 68],
      [16, 68],
    ]);
    pen('trim', ellipse(44, 38, 32, 7));
    pen('wood', ellipse(44, 39, 27, 5), -0.3);
  },
};

const umbrella: Subject = {
  name: 'umbrella',
  plural: 'umbrellas',
  kind: 'thing',
  scenes: ['beach', 'street', 'room'],
  variants: paints,
  draw(pen, random) {
    const ribs = random.pick([4, 5, 6]);
    pen('wood', rectangle(48.4, 40, 3.4, 48));
    pen('wood', ribbon(arc(43, 86, 7, 8, 0, 190), 3.6));
    pen('dark', rectangle(48.8, 2, 2.4, 9));
    const width = 92 / ribs;
    const hem = Array.from({ length: ribs }, (_, i) =>
      arc(96 - (i + 0.5) * width, 53, width / 2, 6, 0, -180),
    ).flat();
    pen('body', [...arc(50, 52, 46, 43, 180, 360), ...hem]);
    for (let i = 1; i < ribs; i += 2) {
      const [a, b] = [4 + i * width, 4 + (i + 1) * width];
      pen('accent', [
        ...curve([50, 9], [(a + 50) / 2 + (a - 50) * 0.28, 26], [a, 52]),
        ...arc((a + b) / 2, 53, width / 2, 6, -180, 0),
        ...curve([b, 52], [(b + 50) / 2 + (b - 50) * 0.28, 26], [50, 9]),
      ]);
    }
  },
};

const chair: Subject = {
  name: 'chair',
  plural: 'chairs',
  kind: 'thing',
  scenes: ['room', 'beach'],
  variants: {
    ...paints,
    brown: { body: '#8a5c38', trim: '#694326', accent: '#b3402f', pale: '#c49a6c' },
  },
  draw(pen, random) {
    const slats = random.integer(2, 3);
    for (const x of [28, 70])
      pen(
        'trim',
        [
          [x, 56],
          [x + 6, 56],
          [x + 5, 88],
          [x + 1, 88],
        ],
        -0.15,
      );
    pen('body', [
      [64, 2],
      [72, 2],
      [76, 60],
      [66, 60],
    ]);
    pen('body', [
      [28, 2],
      [36, 2],
      [34, 60],
      [24, 60],
    ]);
    for (let i = 0; i < slats; i++)
      pen('trim', rounded(30, 6 + (i * 38) / slats, 40, 26 / slats, 3));
    pen('accent', [
      [24, 50],
      [76, 50],
      [86, 64],
      [14, 64],
    ]);
    pen('body', rectangle(14, 64, 72, 6));
    for (const x of [15, 77])
      pen('body', [
        [x, 68],
        [x + 8, 68],
        [x + 7, 95],
        [x + 1, 95],
      ]);
  },
};

const lamp: Subject = {
  name: 'lamp',
  plural: 'lamps',
  kind: 'thing',
  scenes: ['room', 'table'],
  variants: paints,
  draw(pen, random) {
    const flare = random.uniform(-4, 5);
    pen('glow', ellipse(50, 46, 13, 8));
    pen('trim', rectangle(47.6, 44, 4.8, 22));
    pen('body', [
      [34, 6],
      [66, 6],
      [84 + flare, 46],
      [16 - flare, 46],
    ]);
    pen('accent', [
      [18 - flare, 41],
      [82 + flare, 41],
      [84 + flare, 47],
      [16 - flare, 47],
    ]);
    pen(
      'pale',
      [
        [40, 9],
        [45, 9],
        [38, 40],
        [28, 40],
      ],
      0.1,
    );
    pen('trim', blob([44, 62], [56, 62], [66, 76], [58, 90], [42, 90], [34, 76]));
    pen('dark', rounded(30, 88, 40, 7, 3.5));
  },
};

const clock: Subject = {
  name: 'clock',
  plural: 'clocks',
  kind: 'thing',
  scenes: ['table', 'room'],
  variants: paints,
  draw(pen, random) {
    const hour = random.uniform(0, 360);
    for (const [x, tilt] of [
      [26, -40],
      [74, 40],
    ] as const)
      pen('accent', ellipse(x, 18, 15, 9, tilt));
    pen('dark', rectangle(48, 4, 4, 12));
    pen('dark', rounded(42, 2, 16, 5, 2.5));
    pen('trim', [
      [24, 82],
      [32, 88],
      [22, 97],
      [16, 95],
    ]);
    pen('trim', [
      [76, 82],
      [68, 88],
      [78, 97],
      [84, 95],
    ]);
    pen('body', ellipse(50, 54, 39));
    pen('pale', ellipse(50, 54, 31), 0.2);
    for (let i = 0; i < 12; i++) {
      const angle = (i * Math.PI) / 6;
      const at = (r: number) => [50 + r * Math.cos(angle), 54 + r * Math.sin(angle)] as const;
      pen('dark', ribbon([at(i % 3 ? 26 : 23), at(29)], 2));
    }
    for (const [turn, length, width] of [
      [hour / 12 + 60, 16, 4],
      [hour, 24, 2.8],
    ] as const) {
      const angle = (turn * Math.PI) / 180;
      pen(
        'dark',
        ribbon(
          [
            [50, 54],
            [50 + length * Math.cos(angle), 54 + length * Math.sin(angle)],
          ],
          width,
        ),
      );
    }
    pen('accent', ellipse(50, 54, 3.4));
  },
};

const candle: Subject = {
  name: 'candle',
  plural: 'candles',
  kind: 'thing',
  scenes: ['table', 'room', 'night'],
  variants: {
    white: { body: '#f0e9d8', trim: '#d6cbb2', accent: '#b08a3a', pale: '#ffffff' },
    red: { body: '#b9352f', trim: '#8d2523', accent: '#b08a3a', pale: '#e2776a' },
  },
  draw(pen, random) {
    const flicker = random.uniform(-5, 5);
    pen('glow', blob([50, 32], [42, 24], [45, 14], [50 + flicker, 0], [56, 14], [58, 24]));
    pen('pale', blob([50, 31], [46, 26], [50, 14], [54, 26]));
    pen(
      'dark',
      ribbon(
        [
          [50, 38],
          [50, 28],
        ],
        2,
      ),
    );
    pen('accent', ribbon(arc(76, 82, 11, 9, -100, 110), 4.4));
    pen('body', rectangle(38, 38, 24, 46));
    pen('trim', rectangle(55, 38, 7, 46));
    pen('pale', [
      ...curve(
        [38, 38],
        [39, 58],
        [43, 58],
        [44, 46],
        [48, 44],
        [50, 52],
        [54, 50],
        [55, 42],
        [62, 38],
      ),
    ]);
    pen('accent', [
      [28, 82],
      [72, 82],
      [68, 88],
      [32, 88],
    ]);
    pen('accent', blob([16, 92], [50, 87], [84, 92], [66, 97], [34, 97]), -0.1);
  },
};

const cake: Subject = {
  name: 'cake',
  plural: 'cakes',
  kind: 'thing',
  scenes: ['table', 'room'],
  variants: {
    pink: { body: '#eea9bc', trim: '#d0738f', accent: '#4f86c0', pale: '#fbf3e6' },
    brown: { body: '#7d4f33', trim: '#5a3521', accent: '#d04a4a', pale: '#f5e7cf' },
    white: { body: '#f4ede0', trim: '#d8cbb2', accent: '#d8586a', pale: '#ffffff' },
  },
  draw(pen, random) {
    const candles = random.integer(1, 3);
    for (let i = 0; i < candles; i++) {
      const x = 50 + (i - (candles - 1) / 2) * 14;
      pen('accent', rectangle(x - 2.4, 14, 4.8, 22));
      pen('glow', blob([x, 13], [x - 3.4, 8], [x, 0], [x + 3.4, 8]));
    }
    pen('pale', ellipse(50, 91, 48, 5), -0.15);
    pen('body', rectangle(10, 60, 80, 31));
    pen('body', rectangle(24, 36, 52, 26), 0.06);
    const icing = (left: number, width: number, y: number, drops: number) => {
      const step = width / drops;
      const hem = Array.from({ length: drops }, (_, i): readonly Point[] =>
        arc(left + width - (i + 0.5) * step, y + 5, step / 2, i % 2 ? 9 : 5, 0, 180),
      );
      pen('pale', [[left, y], [left + width, y], ...hem.flat()]);
    };
    icing(24, 52, 36, 5);
    icing(10, 80, 60, 7);
    for (const x of [18, 34, 50, 66, 82]) pen('accent', ellipse(x, 84, 3));
  },
};

const iceCream: Subject = {
  name: 'ice cream',
  plural: 'ice creams',
  kind: 'thing',
  scenes: ['beach', 'street'],
  variants: {
    pink: { body: '#eb9db4', trim: '#8a5a3a', accent: '#c2303a', pale: '#f7ecd6', wood: '#d9a45c' },
    green: {
      body: '#a5d0a4',
      trim: '#f3e3c0',
      accent: '#c2303a',
      pale: '#e8a7b8',
      wood: '#d9a45c',
    },
    yellow: {
      body: '#f2dc8c',
      trim: '#e58a7a',
      accent: '#c2303a',
      pale: '#a8683f',
      wood: '#cf9a52',
    },
  },
  draw(pen, random) {
    const lean = random.uniform(-3, 3);
    pen('wood', [
      [28, 50],
      [72, 50],
      [51, 98],
      [49, 98],
    ]);
    for (const [a, b] of [
      [
        [36, 50],
        [55, 87],
      ],
      [
        [50, 50],
        [60, 74],
      ],
      [
        [64, 50],
        [45, 87],
      ],
      [
        [50, 50],
        [40, 74],
      ],
    ] as const)
      pen('wood', ribbon([a, b], 1.6), -0.3);
    pen('trim', ellipse(37, 42, 17, 15));
    pen('pale', ellipse(63, 42, 17, 15));
    pen(
      'body',
      blob(
        [50 + lean, 4],
        [66 + lean, 12],
        [70 + lean, 30],
        [60, 38],
        [50, 35],
        [40, 38],
        [30 + lean, 30],
        [34 + lean, 12],
      ),
    );
    pen('wood', rounded(26, 47, 48, 7, 3), 0.15);
    pen('accent', ellipse(50 + lean, 4, 6));
    for (const [x, y] of [
      [42, 18],
      [56, 14],
      [60, 26],
      [46, 28],
    ] as const)
      pen(
        'pale',
        ribbon(
          [
            [x + lean, y],
            [x + 3 + lean, y + 2],
          ],
          1.8,
        ),
      );
  },
};

export const household = [
  teapot,
  cup,
  umbrella,
  chair,
  lamp,
  clock,
  candle,
  cake,
  iceCream,
] as const;

import { arc, curve, ellipse, rectangle, ribbon, rounded } from '../outline.ts';
import type { Subject } from './subject.ts';

const house: Subject = {
  name: 'house',
  plural: 'houses',
  kind: 'building',
  scenes: ['meadow', 'street', 'snow', 'mountains'],
  variants: {
    white: { body: '#ece5d8', trim: '#a8452f', accent: '#3f6f9c', pale: '#fbf8f0' },
    yellow: { body: '#e6c069', trim: '#7d4a34', accent: '#b5392f', pale: '#fbf3dc' },
    red: { body: '#b44a3a', trim: '#50413c', accent: '#35506b', pale: '#f2e9dc' },
  },
  draw(pen, random) {
    const ridge = random.uniform(8, 20);
    pen('accent', rectangle(68, ridge + 4, 10, 28), -0.1);
    pen('body', rectangle(16, 46, 68, 49));
    pen('trim', [
      [6, 50],
      [50, ridge],
      [94, 50],
    ]);
    pen('wood', [
      [42, 95],
      [42, 68],
      [58, 68],
      [58, 95],
    ]);
    pen('glow', ellipse(54.5, 82, 1.6));
    for (const x of [22, 64]) {
      pen('pale', rectangle(x - 1.5, 59.5, 17, 17));
      pen('window', rectangle(x, 61, 14, 14));
      pen('pale', rectangle(x + 6.2, 61, 1.6, 14));
      pen('pale', rectangle(x, 67, 14, 1.6));
    }
    pen('window', ellipse(50, 37, 5.5));
  },
};

const castle: Subject = {
  name: 'castle',
  plural: 'castles',
  kind: 'building',
  scenes: ['mountains', 'forest', 'night'],
  variants: {
    grey: { body: '#9a9a9c', trim: '#7c7d81', accent: '#b23a35', pale: '#c0c0c2' },
    brown: { body: '#b89b74', trim: '#937750', accent: '#3d5f94', pale: '#d4bd98' },
  },
  draw(pen, random) {
    const high = random.uniform(-4, 6);
    const merlons = (left: number, y: number, count: number, step: number) => {
      for (let i = 0; i < count; i++) pen('trim', rectangle(left + i * step, y, step * 0.6, 7));
    };
    pen('body', rectangle(38, 26 - high, 24, 50));
    merlons(37, 20 - high, 4, 7);
    pen('dark', rectangle(49.3, 2 - high, 1.6, 20));
    pen('accent', [
      [51, 2 - high],
      [66, 6 - high],
      [51, 11 - high],
    ]);
    pen('pale', rectangle(20, 54, 60, 41), -0.05);
    merlons(24, 48, 5, 11);
    for (const x of [4, 74]) {
      pen('body', rectangle(x, 40, 22, 55));
      pen('accent', [
        [x - 3, 41],
        [x + 11, 14],
        [x + 25, 41],
      ]);
      pen('dark', [[x + 8, 64], [x + 8, 55], ...arc(x + 11, 55, 3, 4, 180, 360), [x + 14, 64]]);
    }
    pen('dark', [[46, 46 - high], ...arc(50, 40 - high, 4, 4, 180, 360), [54, 46 - high]]);
    pen('wood', [[39, 95], ...arc(50, 76, 11, 11, 180, 360), [61, 95]]);
    for (const x of [44, 50, 56]) pen('dark', rectangle(x - 0.7, 67, 1.4, 28));
  },
};

const lighthouse: Subject = {
  name: 'lighthouse',
  plural: 'lighthouses',
  kind: 'building',
  scenes: ['sea', 'beach', 'night'],
  variants: {
    red: { body: '#f1ede4', trim: '#c23a31', accent: '#8f2a25', pale: '#8f8a80' },
    blue: { body: '#f1ede4', trim: '#31629c', accent: '#254a76', pale: '#8f8a80' },
  },
  draw(pen, random) {
    const bands = random.integer(2, 3);
    pen(
      'glow',
      [
        [42, 17],
        [2, 8],
        [2, 28],
      ],
      0.3,
    );
    pen('pale', [
      [14, 95],
      [24, 82],
      [76, 82],
      [88, 95],
    ]);
    pen('body', [
      [38, 30],
      [62, 30],
      [70, 86],
      [30, 86],
    ]);
    for (let i = 0; i < bands; i++) {
      const [a, b] = [34 + (i * 52) / bands, 34 + ((i + 0.5) * 52) / bands];
      const half = (y: number) => 12 + ((y - 30) * 8) / 56;
      pen('trim', [
        [50 - half(a), a],
        [50 + half(a), a],
        [50 + half(b), b],
        [50 - half(b), b],
      ]);
    }
    pen('dark', rectangle(34, 26, 32, 4));
    pen('window', rectangle(41, 10, 18, 16));
    pen('glow', ellipse(50, 18, 6));
    pen('accent', [
      [37, 11],
      [50, 0],
      [63, 11],
    ]);
    pen('wood', [[45, 86], [45, 77], ...arc(50, 77, 5, 5, 180, 360), [55, 86]]);
  },
};

const windmill: Subject = {
  name: 'windmill',
  plural: 'windmills',
  kind: 'building',
  scenes: ['meadow', 'beach', 'mountains'],
  variants: {
    white: { body: '#ebe5d8', trim: '#6a4a38', accent: '#f6efdc', pale: '#c9c0ae' },
    brown: { body: '#96714d', trim: '#4f3a2b', accent: '#efe2c6', pale: '#b8946d' },
  },
  draw(pen, random) {
    const turn = random.uniform(10, 80);
    pen('body', [
      [38, 36],
      [62, 36],
      [72, 95],
      [28, 95],
    ]);
    pen('pale', rectangle(31, 66, 38, 4));
    pen('trim', [...arc(50, 37, 15, 17, 180, 360)]);
    pen('wood', [[43, 95], [43, 82], ...arc(50, 82, 7, 7, 180, 360), [57, 95]]);
    pen('window', rounded(46, 52, 8, 9, 2));
    for (const quarter of [0, 90, 180, 270]) {
      const angle = ((turn + quarter) * Math.PI) / 180;
      const at = (along: number, across: number) =>
        [
          50 + along * Math.cos(angle) - across * Math.sin(angle),
          34 + along * Math.sin(angle) + across * Math.cos(angle),
        ] as const;
      pen('accent', [at(10, 0), at(46, 0), at(46, 11), at(10, 9)]);
      for (const along of [19, 28, 37]) pen('wood', ribbon([at(along, 0), at(along, 10)], 1.2));
      pen('wood', ribbon([at(0, 0), at(47, 0)], 2.8));
    }
    pen('dark', ellipse(50, 34, 4));
  },
};

const church: Subject = {
  name: 'church',
  plural: 'churches',
  kind: 'building',
  scenes: ['mountains', 'meadow', 'snow', 'night'],
  variants: {
    white: { body: '#f0ece3', trim: '#4b5a6b', accent: '#c9a23e', pale: '#d8d1c3' },
    brown: { body: '#b78f6a', trim: '#5b4338', accent: '#d9b450', pale: '#cfb08c' },
  },
  draw(pen, random) {
    const spire = random.uniform(-4, 6);
    pen('accent', rectangle(25.3, -4 - spire, 2.4, 16));
    pen('accent', rectangle(21.5, 0 - spire, 10, 2.4));
    pen('trim', [
      [12, 40],
      [26.5, 8 - spire],
      [41, 40],
    ]);
    pen('body', rectangle(15, 38, 23, 57));
    pen('pale', rectangle(38, 62, 56, 33));
    pen('trim', [
      [36, 64],
      [44, 44],
      [88, 44],
      [98, 64],
    ]);
    pen('window', ellipse(26.5, 49, 5));
    pen('wood', [[20, 95], [20, 80], ...arc(26.5, 80, 6.5, 9, 180, 360), [33, 95]]);
    for (const x of [48, 63, 78])
      pen('window', [[x, 88], [x, 75], ...arc(x + 4.5, 75, 4.5, 6, 180, 360), [x + 9, 88]]);
  },
};

const skyscraper: Subject = {
  name: 'skyscraper',
  plural: 'skyscrapers',
  kind: 'building',
  scenes: ['street', 'night'],
  variants: {
    blue: { body: '#5b7f9f', trim: '#3f607e', accent: '#2f4962', pale: '#87a8c2' },
    brown: { body: '#a58468', trim: '#80634b', accent: '#5f4836', pale: '#c1a48a' },
    grey: { body: '#8a8f96', trim: '#6b7078', accent: '#4c5159', pale: '#abb0b6' },
  },
  draw(pen, random) {
    const tiers = random.uniform(-4, 4);
    pen('accent', [
      [49, 14],
      [50, -8],
      [51, 14],
    ]);
    pen('trim', rectangle(43, 10, 14, 12));
    pen('body', rectangle(37, 20, 26, 75));
    pen('body', rectangle(30, 42 + tiers, 40, 53), 0.06);
    pen('trim', rectangle(58, 42 + tiers, 12, 53));
    pen('accent', rectangle(57, 20, 6, 22 + tiers));
    for (let y = 25; y < 39; y += 7)
      for (const x of [41, 47, 52]) pen('window', rectangle(x, y, 3.6, 4.4));
    for (let y = 48; y < 84; y += 8)
      for (const x of [34, 42, 50, 60]) pen('window', rectangle(x, y, 5.4, 5));
    pen('dark', rectangle(43, 86, 12, 9));
  },
};

const tent: Subject = {
  name: 'tent',
  plural: 'tents',
  kind: 'building',
  scenes: ['meadow', 'forest', 'mountains', 'night'],
  variants: {
    orange: { body: '#e08a34', trim: '#b8652a', accent: '#5c3a22', pale: '#f3c587' },
    green: { body: '#5f8f4e', trim: '#46703a', accent: '#2b3f25', pale: '#a3c58a' },
    blue: { body: '#4a7fb5', trim: '#35628f', accent: '#22354b', pale: '#9cc0de' },
  },
  draw(pen, random) {
    const flap = random.uniform(4, 12);
    pen(
      'dark',
      ribbon(
        [
          [36, 34],
          [2, 94],
        ],
        1.4,
      ),
    );
    pen(
      'dark',
      ribbon(
        [
          [80, 36],
          [100, 94],
        ],
        1.4,
      ),
    );
    pen('trim', [
      [38, 32],
      [80, 36],
      [96, 93],
      [66, 93],
    ]);
    pen(
      'trim',
      [
        [44, 40],
        [80, 42],
        [82, 48],
        [47, 47],
      ],
      0.15,
    );
    pen('body', [
      [38, 32],
      [66, 94],
      [8, 94],
    ]);
    pen('accent', [
      [38, 48],
      [50, 94],
      [26, 94],
    ]);
    pen('pale', [
      [38, 48],
      [26, 94],
      [26 - flap, 94],
    ]);
    pen('pale', [
      [38, 48],
      [50, 94],
      [50 + flap * 0.7, 94],
    ]);
    pen(
      'wood',
      ribbon(
        [
          [38, 24],
          [38, 34],
        ],
        2.4,
      ),
    );
  },
};

const bridge: Subject = {
  name: 'bridge',
  plural: 'bridges',
  kind: 'building',
  scenes: ['sea', 'mountains', 'night'],
  variants: {
    red: { body: '#bf4a37', trim: '#923527', accent: '#8d8579', pale: '#d9765f' },
    grey: { body: '#8d939b', trim: '#6b7078', accent: '#7a7468', pale: '#b4bac1' },
  },
  draw(pen, random) {
    const sag = random.uniform(52, 60);
    const cable = (x: number) => 30 + (sag - 30) * (1 - ((x - 50) / 22) ** 2);
    for (let x = 32; x <= 68; x += 6)
      pen(
        'pale',
        ribbon(
          [
            [x, cable(x)],
            [x, 68],
          ],
          1.2,
        ),
      );
    for (const [x, y] of [
      [6, 58],
      [12, 51],
      [18, 43],
      [82, 43],
      [88, 51],
      [94, 58],
    ] as const)
      pen(
        'pale',
        ribbon(
          [
            [x, y],
            [x, 68],
          ],
          1.2,
        ),
      );
    pen('body', ribbon(curve([0, 66], [14, 49], [27, 30]), 2.6));
    pen('body', ribbon(curve([73, 30], [86, 49], [100, 66]), 2.6));
    pen(
      'body',
      ribbon(curve([27, 30], [38, cable(38)], [50, sag], [62, cable(62)], [73, 30]), 2.6),
    );
    for (const x of [27, 73]) {
      pen('accent', [
        [x - 9, 95],
        [x - 7, 78],
        [x + 7, 78],
        [x + 9, 95],
      ]);
      pen('body', rectangle(x - 4.5, 24, 3.4, 58));
      pen('body', rectangle(x + 1.1, 24, 3.4, 58));
      for (const y of [26, 40, 54]) pen('trim', rectangle(x - 4.5, y, 9, 3));
    }
    pen('trim', rectangle(-2, 66, 104, 7));
    pen('pale', rectangle(-2, 66, 104, 2));
  },
};

export const buildings = [
  house,
  castle,
  lighthouse,
  windmill,
  church,
  skyscraper,
  tent,
  bridge,
] as const;

import { arc, blob, curve, ellipse, rectangle, ribbon, rounded } from '../outline.ts';
import { paints } from './land_vehicles.ts';
import type { Subject } from './subject.ts';

const sailboat: Subject = {
  name: 'sailboat',
  plural: 'sailboats',
  kind: 'vehicle',
  scenes: ['sea', 'night', 'beach'],
  variants: {
    red: { body: '#b5372e', trim: '#7f2620', pale: '#f5f1e6', accent: '#d9534a' },
    blue: { body: '#2f5d97', trim: '#203f68', pale: '#f5f1e6', accent: '#5b8fd0' },
    white: { body: '#eceae4', trim: '#a8763f', pale: '#fffdf6', accent: '#e3a23b' },
  },
  draw(pen, random) {
    const belly = random.uniform(0, 8);
    pen('wood', rectangle(48.5, 4, 3, 72));
    pen('pale', [[53, 8], ...curve([53, 8], [76 + belly, 40], [88, 68]), [53, 68]]);
    pen('accent', [[47, 14], [47, 68], ...curve([16, 68], [28 - belly, 46], [47, 14])]);
    pen('accent', [
      [52, 4],
      [64, 7],
      [52, 11],
    ]);
    pen(
      'pale',
      ribbon(
        [
          [54, 40],
          [71 + belly, 40],
        ],
        1.2,
      ),
      -0.3,
    );
    pen('body', [[8, 74], [94, 74], ...curve([94, 74], [86, 88], [72, 94]), [28, 94]]);
    pen('trim', rectangle(9, 74, 84, 5));
  },
};

const ship: Subject = {
  name: 'ship',
  plural: 'ships',
  kind: 'vehicle',
  scenes: ['sea', 'night'],
  variants: {
    black: { body: '#33363f', trim: '#a8332b', pale: '#efece4', accent: '#d8622f' },
    blue: { body: '#2c5486', trim: '#b13a30', pale: '#f2f0ea', accent: '#e2a838' },
    green: { body: '#2f6a58', trim: '#8c2f2a', pale: '#efece0', accent: '#d98a35' },
  },
  draw(pen, random) {
    const drift = random.uniform(-4, 8);
    for (const [x, y, r] of [
      [46, 14, 5],
      [56, 8, 7],
      [70, 5, 8],
    ] as const)
      pen('pale', ellipse(x + drift * (r / 6), y, r, r * 0.7), -0.12);
    pen('accent', rectangle(34, 20, 10, 26));
    pen('accent', rectangle(54, 20, 10, 26));
    pen('dark', rectangle(34, 20, 10, 6));
    pen('dark', rectangle(54, 20, 10, 6));
    pen('pale', rectangle(28, 42, 44, 12));
    pen('pale', rectangle(20, 53, 62, 13), -0.08);
    for (const x of [31, 41, 51, 61]) pen('window', rounded(x, 45, 6, 5, 1));
    for (const x of [24, 34, 44, 54, 64, 74]) pen('window', ellipse(x + 2, 60, 2.4));
    pen('dark', rectangle(83, 44, 1.8, 22));
    pen('accent', [
      [84, 44],
      [94, 47.5],
      [84, 51],
    ]);
    pen('body', [
      [1, 62],
      [14, 66],
      [98, 66],
      [92, 84],
      [86, 94],
      [16, 94],
    ]);
    pen('trim', [
      [12.5, 86],
      [91, 86],
      [86, 94],
      [16, 94],
    ]);
  },
};

const airplane: Subject = {
  name: 'airplane',
  plural: 'airplanes',
  kind: 'vehicle',
  stance: 'flies',
  scenes: ['sky', 'mountains'],
  variants: {
    white: { body: '#eef0f2', trim: '#2f65b0', pale: '#ffffff', accent: '#c8322b' },
    red: { body: '#c83a30', trim: '#f2ede0', pale: '#f7e9d8', accent: '#8b211d' },
    yellow: { body: '#ecc23d', trim: '#2d4e86', pale: '#fff2c4', accent: '#2d4e86' },
  },
  draw(pen, random) {
    const tilt = random.uniform(-4, 4);
    pen(
      'trim',
      [
        [40, 44],
        [54, 14 - tilt],
        [64, 14 - tilt],
        [60, 45],
      ],
      -0.1,
    );
    pen(
      'body',
      blob(
        [2, 54],
        [10, 44],
        [28, 40],
        [70, 40],
        [88, 36],
        [98, 38],
        [92, 52],
        [70, 62],
        [28, 64],
        [8, 60],
      ),
    );
    pen('accent', [
      [78, 42],
      [88, 14],
      [98, 14],
      [96, 42],
    ]);
    pen('trim', [
      [80, 48],
      [96, 60],
      [100, 60],
      [94, 46],
    ]);
    pen(
      'trim',
      ribbon(
        [
          [4, 56],
          [90, 52],
        ],
        3.4,
      ),
    );
    pen('window', blob([7, 49], [13, 44], [19, 44], [18, 50]));
    for (const x of [28, 36, 44, 52, 60, 68]) pen('window', rounded(x, 45, 4.4, 5.4, 2));
    pen('trim', [
      [34, 56],
      [58, 56],
      [74, 88 + tilt],
      [64, 90 + tilt],
    ]);
    pen('dark', rounded(41, 66, 14, 7, 3.5));
  },
};

const helicopter: Subject = {
  name: 'helicopter',
  plural: 'helicopters',
  kind: 'vehicle',
  stance: 'flies',
  scenes: ['sky', 'mountains', 'night'],
  variants: paints,
  draw(pen, random) {
    const droop = random.uniform(-3, 4);
    pen('body', [
      [52, 44],
      [90, 46],
      [92, 52],
      [54, 62],
    ]);
    pen('trim', [
      [84, 48],
      [90, 30],
      [97, 30],
      [95, 52],
    ]);
    pen('dark', ribbon(arc(93, 40, 9, 9, 0, 362), 1.4));
    pen(
      'accent',
      ribbon(
        [
          [86, 34],
          [100, 46],
        ],
        2.4,
      ),
    );
    pen('dark', rectangle(38, 24, 4, 14));
    pen('dark', [
      [0, 22 + droop],
      [40, 20],
      [84, 22 - droop],
      [84, 25 - droop],
      [40, 26],
      [0, 25 + droop],
    ]);
    pen(
      'body',
      blob([6, 56], [14, 40], [34, 34], [54, 38], [64, 50], [56, 68], [36, 74], [14, 70]),
    );
    pen('window', blob([9, 56], [16, 43], [31, 39], [32, 58], [16, 62]));
    pen('window', rounded(38, 43, 13, 14, 4));
    pen(
      'trim',
      ribbon(
        [
          [10, 66],
          [60, 61],
        ],
        4,
      ),
    );
    for (const x of [26, 48])
      pen(
        'dark',
        ribbon(
          [
            [x, 71],
            [x - 2, 84],
          ],
          2.6,
        ),
      );
    pen('dark', ribbon(curve([6, 81], [12, 86], [64, 86]), 3.4));
  },
};

const balloon: Subject = {
  name: 'hot air balloon',
  plural: 'hot air balloons',
  kind: 'vehicle',
  stance: 'flies',
  scenes: ['sky', 'mountains', 'desert'],
  variants: {
    red: { body: '#cf3b32', trim: '#f1c24a', accent: '#f4efe0', pale: '#e07a3a' },
    blue: { body: '#3a6fb8', trim: '#f4efe0', accent: '#8fc0ea', pale: '#e0a43a' },
    purple: { body: '#7a4fa3', trim: '#e8a9c4', accent: '#f3dd8a', pale: '#b48ad0' },
  },
  draw(pen, random) {
    const girth = random.uniform(0.9, 1.06);
    const at = (x: number, y: number) => [50 + x * girth, y] as const;
    for (const x of [-9, 9]) pen('dark', ribbon([at(x * 1.6, 66), at(x, 84)], 1.4));
    pen(
      'body',
      blob(
        at(0, 2),
        at(24, 8),
        at(38, 30),
        at(30, 52),
        at(13, 70),
        at(-13, 70),
        at(-30, 52),
        at(-38, 30),
        at(-24, 8),
      ),
    );
    pen(
      'trim',
      blob(
        at(0, 2),
        at(14, 8),
        at(20, 30),
        at(15, 54),
        at(6, 71),
        at(-6, 71),
        at(-15, 54),
        at(-20, 30),
        at(-14, 8),
      ),
    );
    pen(
      'accent',
      blob(
        at(0, 2),
        at(5, 10),
        at(7, 30),
        at(5, 54),
        at(2, 71),
        at(-2, 71),
        at(-5, 54),
        at(-7, 30),
        at(-5, 10),
      ),
    );
    pen('pale', rectangle(at(-13, 0)[0], 68, 26 * girth, 4));
    pen('wood', rounded(41, 83, 18, 13, 3));
    pen('wood', rectangle(40, 83, 20, 3.4), 0.25);
  },
};

const rocket: Subject = {
  name: 'rocket',
  plural: 'rockets',
  kind: 'vehicle',
  scenes: ['sky', 'night', 'desert'],
  variants: {
    white: { body: '#eceef1', trim: '#c8322b', accent: '#c8322b', pale: '#b9c0c8' },
    red: { body: '#cb3d33', trim: '#eee8da', accent: '#2c4f86', pale: '#e9ded0' },
    blue: { body: '#3c70b4', trim: '#f0e9d8', accent: '#e0a02f', pale: '#cddcec' },
  },
  draw(pen, random) {
    const flame = random.uniform(-4, 4);
    pen('glow', blob([40, 80], [60, 80], [58, 90], [50, 99 + flame], [42, 90]));
    pen('accent', blob([44, 80], [56, 80], [55, 86], [50, 92 + flame], [45, 86]), 0.2);
    pen('accent', [
      [34, 54],
      [18, 74],
      [18, 86],
      [36, 76],
    ]);
    pen('accent', [
      [66, 54],
      [82, 74],
      [82, 86],
      [64, 76],
    ]);
    pen('body', [...curve([34, 78], [31, 52], [37, 22], [50, 1], [63, 22], [69, 52], [66, 78])]);
    pen('trim', [...curve([40, 16], [44, 8], [50, 1], [56, 8], [60, 16])]);
    pen('pale', ellipse(50, 36, 10));
    pen('window', ellipse(50, 36, 7));
    pen('trim', rectangle(34, 62, 32, 5));
    pen('dark', [
      [38, 78],
      [62, 78],
      [59, 83],
      [41, 83],
    ]);
    pen('accent', [
      [47.5, 58],
      [52.5, 58],
      [52.5, 86],
      [47.5, 86],
    ]);
  },
};

export const shipsAndAircraft = [sailboat, ship, airplane, helicopter, balloon, rocket] as const;

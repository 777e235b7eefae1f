import { arc, blob, curve, ellipse, ribbon, rounded } from '../outline.ts';
import type { Subject } from './subject.ts';

const duck: Subject = {
  name: 'duck',
  plural: 'ducks',
  kind: 'animal',
  scenes: ['sea', 'meadow', 'beach'],
  variants: {
    yellow: { body: '#eec23c', trim: '#d69f27', accent: '#e0702a', pale: '#f8e6a0' },
    white: { body: '#eeeae2', trim: '#cfc8bc', accent: '#e08a2a', pale: '#ffffff' },
    brown: { body: '#8a6a4c', trim: '#64492f', accent: '#d99a35', pale: '#c6a985' },
  },
  draw(pen, random) {
    const nod = random.uniform(-3, 4);
    pen(
      'body',
      blob(
        [20, 58],
        [34, 54],
        [52, 62],
        [78, 60],
        [97, 46],
        [94, 72],
        [80, 90],
        [46, 93],
        [22, 84],
      ),
    );
    pen('trim', blob([46, 66], [66, 64], [90, 62], [78, 80], [58, 84], [47, 76]));
    pen('pale', ribbon(curve([52, 74], [64, 76], [78, 70]), 2));
    pen('body', blob([24, 40], [40, 40], [46, 58], [40, 74], [22, 72]));
    pen(
      'accent',
      blob([14, 32 + nod], [4, 35 + nod], [1, 40 + nod], [8, 42 + nod], [18, 41 + nod]),
    );
    pen('body', ellipse(29, 30 + nod, 17));
    pen(
      'accent',
      ribbon(
        [
          [3, 38 + nod],
          [15, 37 + nod],
        ],
        1.2,
      ),
      -0.4,
    );
    pen('eye', ellipse(23, 26 + nod, 2.8, 3.2));
    pen('pale', ellipse(31, 36 + nod, 4, 2.6));
  },
};

const swan: Subject = {
  name: 'swan',
  plural: 'swans',
  kind: 'animal',
  scenes: ['sea', 'night'],
  variants: {
    white: { body: '#f4f2ee', trim: '#d3d4d8', accent: '#e17a2c', pale: '#ffffff' },
    black: { body: '#3a393f', trim: '#26252b', accent: '#d0352f', pale: '#59585f' },
  },
  draw(pen, random) {
    const rise = random.uniform(-8, 4);
    pen('body', blob([22, 80], [34, 68], [60, 66], [98, 58], [92, 82], [74, 94], [38, 94]));
    pen(
      'trim',
      blob(
        [40, 70],
        [54, 50 + rise],
        [84, 34 + rise],
        [80, 52],
        [94, 54],
        [80, 72],
        [62, 84],
        [44, 84],
      ),
    );
    pen(
      'pale',
      blob([46, 72], [58, 56 + rise], [76, 48 + rise], [74, 62], [80, 66], [64, 78], [50, 80]),
    );
    pen(
      'body',
      ribbon(curve([34, 82], [23, 70], [29, 50], [37, 34], [33, 18], [22, 15], [17, 22]), 16, 9),
    );
    pen('body', ellipse(20, 19, 8, 7));
    pen('accent', [
      [14, 18],
      [15, 26],
      [4, 31],
      [3, 29],
    ]);
    pen('dark', [
      [12, 16],
      [18, 20],
      [14, 25],
    ]);
    pen('eye', ellipse(20, 17, 1.9));
  },
};

const penguin: Subject = {
  name: 'penguin',
  plural: 'penguins',
  kind: 'animal',
  scenes: ['snow', 'beach'],
  variants: {
    black: { body: '#2c303a', trim: '#1d2029', pale: '#f6f5f0', accent: '#ea9a2c' },
    blue: { body: '#3f5f92', trim: '#2c4670', pale: '#f4f5f2', accent: '#eda23a' },
  },
  draw(pen, random) {
    const flap = random.uniform(0, 16);
    pen('trim', blob([28, 40], [20 - flap, 56], [12 - flap, 72], [22 - flap, 72], [32, 60]));
    pen('trim', blob([72, 40], [80 + flap, 56], [88 + flap, 72], [78 + flap, 72], [68, 60]));
    pen('accent', blob([26, 95], [30, 88], [44, 88], [47, 95]));
    pen('accent', blob([74, 95], [70, 88], [56, 88], [53, 95]));
    pen(
      'body',
      blob(
        [50, 4],
        [66, 10],
        [72, 30],
        [78, 60],
        [70, 86],
        [50, 92],
        [30, 86],
        [22, 60],
        [28, 30],
        [34, 10],
      ),
    );
    pen(
      'pale',
      blob([50, 32], [62, 40], [68, 62], [62, 82], [50, 88], [38, 82], [32, 62], [38, 40]),
    );
    pen(
      'pale',
      blob([50, 22], [58, 14], [65, 20], [63, 32], [50, 40], [37, 32], [35, 20], [42, 14]),
    );
    pen('eye', ellipse(42, 22, 2.6, 3));
    pen('eye', ellipse(58, 22, 2.6, 3));
    pen('accent', [
      [43, 28],
      [57, 28],
      [50, 37],
    ]);
  },
};

const fish: Subject = {
  name: 'fish',
  plural: 'fish',
  kind: 'animal',
  stance: 'swims',
  scenes: ['underwater'],
  variants: {
    orange: { body: '#ee7d2b', trim: '#d75f1d', pale: '#fdf3e2', accent: '#f3a94a' },
    blue: { body: '#3a86c8', trim: '#2566a4', pale: '#e9f3fb', accent: '#f2c843' },
    red: { body: '#cf3d35', trim: '#a52a2a', pale: '#fae6da', accent: '#f0a04b' },
  },
  draw(pen, random) {
    const tail = random.uniform(-5, 5);
    pen(
      'accent',
      blob(
        [66, 50],
        [84, 36 + tail],
        [98, 22 + tail],
        [94, 50 + tail],
        [98, 78 + tail],
        [84, 64 + tail],
      ),
    );
    pen('accent', blob([34, 30], [48, 12], [68, 20], [66, 36]));
    pen('accent', blob([44, 68], [54, 86], [62, 82], [62, 66]));
    pen(
      'body',
      blob([4, 52], [16, 36], [40, 25], [62, 34], [78, 50], [62, 66], [40, 76], [16, 68]),
    );
    pen('pale', blob([30, 28], [38, 26], [41, 50], [38, 76], [30, 73], [32, 50]));
    pen('pale', blob([56, 31], [62, 34], [65, 50], [62, 67], [56, 69], [59, 50]));
    pen('trim', blob([42, 54], [56, 50], [56, 62], [46, 63]));
    pen('pale', ellipse(19, 45, 6));
    pen('eye', ellipse(18, 45, 3.4));
    pen('dark', ribbon(arc(8, 58, 7, 5, 10, 100), 1.6));
  },
};

const whale: Subject = {
  name: 'whale',
  plural: 'whales',
  kind: 'animal',
  stance: 'swims',
  scenes: ['sea', 'underwater'],
  variants: {
    blue: { body: '#3f6e9e', trim: '#2f5680', pale: '#dfe9ef', accent: '#9fd3ee' },
    grey: { body: '#6d7c88', trim: '#55626c', pale: '#e4e8ea', accent: '#b5dcee' },
  },
  draw(pen, random) {
    const spout = random.uniform(0, 6);
    pen('accent', ribbon(curve([32, 38], [30, 24], [18, 14 - spout], [11, 24]), 4, 6));
    pen('accent', ribbon(curve([33, 38], [36, 24], [48, 14 - spout], [55, 24]), 4, 6));
    pen(
      'body',
      blob(
        [72, 56],
        [86, 48],
        [91, 34],
        [78, 24],
        [92, 24],
        [96, 28],
        [100, 22],
        [106, 28],
        [99, 38],
        [98, 56],
        [84, 74],
      ),
    );
    pen(
      'body',
      blob(
        [4, 66],
        [8, 46],
        [28, 36],
        [52, 40],
        [74, 56],
        [90, 58],
        [84, 80],
        [58, 92],
        [26, 92],
        [8, 82],
      ),
    );
    pen('pale', blob([5, 70], [28, 76], [56, 76], [78, 70], [74, 84], [56, 92], [26, 92], [9, 84]));
    for (const x of [16, 27, 38, 49])
      pen('trim', ribbon(curve([x, 79], [x + 1, 85], [x + 4, 90]), 1.4));
    pen('trim', blob([42, 70], [54, 72], [60, 90], [52, 94], [44, 84]));
    pen('eye', ellipse(20, 62, 2.8));
  },
};

const crab: Subject = {
  name: 'crab',
  plural: 'crabs',
  kind: 'animal',
  scenes: ['beach', 'underwater'],
  variants: {
    red: { body: '#d2452f', trim: '#a93222', pale: '#f4c9a5', accent: '#e8724f' },
    blue: { body: '#3d7fb0', trim: '#2c6390', pale: '#d9e8ee', accent: '#e07a4c' },
  },
  draw(pen, random) {
    const raise = random.uniform(-6, 8);
    for (const side of [-1, 1]) {
      const at = (x: number, y: number) => [50 + side * x, y] as const;
      for (const [x, y] of [
        [38, 92],
        [44, 84],
        [46, 74],
      ] as const) {
        pen('trim', ribbon([at(20, 70), at(x - 6, y - 16), at(x, y)], 5, 2.4));
      }
      pen('accent', ribbon(curve(at(26, 58), at(38, 50 - raise / 2), at(36, 36 - raise)), 7));
      pen(
        'accent',
        blob(
          at(28, 32 - raise),
          at(24, 18 - raise),
          at(31, 9 - raise),
          at(34, 22 - raise),
          at(42, 8 - raise),
          at(48, 20 - raise),
          at(44, 34 - raise),
          at(35, 40 - raise),
        ),
      );
      pen('body', ribbon([at(9, 50), at(11, 38)], 3.6));
      pen('pale', ellipse(...at(11, 36), 5.4));
      pen('eye', ellipse(...at(10.4, 36), 3));
    }
    pen(
      'body',
      blob([50, 46], [76, 52], [84, 66], [72, 82], [50, 86], [28, 82], [16, 66], [24, 52]),
    );
    pen('trim', ribbon(curve([36, 70], [50, 76], [64, 70]), 2.4));
    for (const x of [34, 66]) pen('pale', ellipse(x, 60, 3.4, 2.4));
  },
};

const turtle: Subject = {
  name: 'turtle',
  plural: 'turtles',
  kind: 'animal',
  scenes: ['beach', 'underwater', 'meadow'],
  variants: {
    green: { body: '#5d8d45', trim: '#3f6a33', pale: '#a9c26b', accent: '#8aa956' },
    brown: { body: '#8b6a3d', trim: '#62482a', pale: '#b9ad6e', accent: '#a88a52' },
  },
  draw(pen, random) {
    const neck = random.uniform(-6, 4);
    pen('pale', [
      [88, 76],
      [100, 84],
      [86, 84],
    ]);
    for (const x of [34, 78]) pen('pale', rounded(x, 76, 13, 19, 5), -0.1);
    pen(
      'pale',
      blob(
        [30, 66],
        [20, 60 + neck],
        [16, 52 + neck],
        [4, 58 + neck],
        [5, 70 + neck],
        [18, 78 + neck],
        [32, 82],
      ),
    );
    pen('trim', blob([24, 78], [34, 52], [58, 36], [82, 52], [94, 78], [88, 84], [30, 84]));
    pen('body', blob([28, 75], [38, 54], [58, 41], [79, 54], [89, 75], [84, 78], [34, 78]));
    pen('accent', [
      [48, 52],
      [58, 46],
      [69, 52],
      [67, 66],
      [50, 66],
    ]);
    pen('accent', [
      [36, 62],
      [44, 55],
      [47, 68],
      [42, 75],
      [33, 74],
    ]);
    pen('accent', [
      [80, 62],
      [73, 55],
      [70, 68],
      [75, 75],
      [85, 74],
    ]);
    pen('eye', ellipse(12, 60 + neck, 2.6));
    pen(
      'dark',
      ribbon(
        [
          [5, 68 + neck],
          [14, 69 + neck],
        ],
        1.4,
      ),
    );
  },
};

const octopus: Subject = {
  name: 'octopus',
  plural: 'octopuses',
  kind: 'animal',
  stance: 'swims',
  scenes: ['underwater'],
  variants: {
    purple: { body: '#8a5aa8', trim: '#6c428a', pale: '#f3e4f5', accent: '#c79ad6' },
    red: { body: '#c8503f', trim: '#a03b2e', pale: '#fae4da', accent: '#e79a82' },
  },
  draw(pen, random) {
    const sway = random.uniform(-5, 5);
    const arms = [
      [-44, 70, -1],
      [-30, 92, -1],
      [-12, 95, -1],
      [12, 95, 1],
      [30, 92, 1],
      [44, 70, 1],
    ] as const;
    for (const [x, y, side] of arms) {
      const reach = curve(
        [50 + x * 0.42, 52],
        [50 + x * 0.8, 66],
        [50 + x + sway, y - 8],
        [50 + x + sway + side * 5, y],
        [50 + x * 0.9 + sway + side * 13, y - 9],
      );
      pen(Math.abs(x) === 30 ? 'trim' : 'body', ribbon(reach, 12, 4));
    }
    pen(
      'body',
      blob([50, 2], [72, 8], [80, 30], [72, 54], [60, 66], [40, 66], [28, 54], [20, 30], [28, 8]),
    );
    for (const [x, y, r] of [
      [34, 16, 4],
      [62, 12, 5],
      [70, 26, 3],
    ] as const)
      pen('accent', ellipse(x, y, r));
    for (const x of [40, 60]) {
      pen('pale', ellipse(x, 40, 7.6));
      pen('eye', ellipse(x, 41, 4));
    }
    pen('dark', ribbon(arc(50, 53, 6, 4, 20, 160), 1.8));
  },
};

export const waterAnimals = [duck, swan, penguin, fish, whale, crab, turtle, octopus] as const;

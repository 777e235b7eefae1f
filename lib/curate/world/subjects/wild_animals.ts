import type { Pen } from '../drawing.ts';
import { arc, blob, curve, ellipse, ribbon, rounded, star } from '../outline.ts';
import type { Subject } from './subject.ts';

const eyes = (pen: Pen, y: number, ...xs: number[]) => {
  for (const x of xs) pen('eye', ellipse(x, y, 2.6, 3));
};

const fox: Subject = {
  name: 'fox',
  plural: 'foxes',
  kind: 'animal',
  scenes: ['forest', 'meadow', 'snow'],
  variants: {
    orange: { body: '#d9692a', trim: '#b04d1e', pale: '#f7ece0', accent: '#3b2a28' },
    white: { body: '#eef0f2', trim: '#cfd5da', pale: '#ffffff', accent: '#8d99a3' },
  },
  draw(pen, random) {
    const lift = random.uniform(-10, 6);
    pen(
      'body',
      blob([66, 58], [82, 50 + lift], [98, 54 + lift], [99, 70 + lift], [86, 78 + lift], [70, 70]),
    );
    pen(
      'pale',
      blob([90, 52 + lift], [99, 54 + lift], [100, 68 + lift], [92, 75 + lift], [88, 62 + lift]),
    );
    for (const x of [40, 62])
      pen(
        'accent',
        [
          [x, 66],
          [x + 7, 66],
          [x + 5, 95],
          [x, 95],
        ],
        0.1,
      );
    pen('body', blob([28, 48], [50, 50], [70, 54], [74, 66], [64, 74], [42, 74], [28, 66]));
    for (const x of [30, 55]) {
      pen('body', [
        [x, 62],
        [x + 9, 62],
        [x + 7, 84],
        [x + 1, 84],
      ]);
      pen('accent', [
        [x + 1, 82],
        [x + 7, 82],
        [x + 7, 95],
        [x - 1, 95],
      ]);
    }
    pen('pale', blob([26, 50], [36, 52], [36, 68], [30, 70], [25, 60]));
    pen('body', [
      [14, 30],
      [13, 8],
      [28, 22],
    ]);
    pen('body', [
      [30, 22],
      [44, 8],
      [43, 32],
    ]);
    pen('accent', [
      [16, 20],
      [14.5, 10],
      [22, 17],
    ]);
    pen('accent', [
      [36, 17],
      [42.5, 10],
      [42, 21],
    ]);
    pen('body', [
      [10, 32],
      [20, 21],
      [38, 21],
      [47, 34],
      [38, 48],
      [16, 54],
      [6, 53],
    ]);
    pen('pale', [
      [10, 38],
      [20, 42],
      [40, 46],
      [34, 52],
      [16, 55],
      [5, 54],
    ]);
    pen('dark', ellipse(6, 52, 3.6, 3));
    eyes(pen, 35, 19, 34);
  },
};

const owl: Subject = {
  name: 'owl',
  plural: 'owls',
  kind: 'animal',
  scenes: ['forest', 'night', 'snow'],
  variants: {
    brown: { body: '#86603e', trim: '#5d402a', pale: '#ead8b8', accent: '#e39b2d', eye: '#1a1613' },
    white: { body: '#e8e6e1', trim: '#bdb9b1', pale: '#ffffff', accent: '#e0a93a', eye: '#1a1613' },
  },
  draw(pen, random) {
    const spread = random.uniform(0, 9);
    pen(
      'body',
      blob([50, 8], [74, 16], [80, 44], [74, 80], [50, 92], [26, 80], [20, 44], [26, 16]),
    );
    pen('body', [
      [24, 26],
      [20, 2],
      [44, 13],
    ]);
    pen('body', [
      [56, 13],
      [80, 2],
      [76, 26],
    ]);
    pen('pale', blob([50, 46], [64, 56], [64, 78], [50, 87], [36, 78], [36, 56]));
    for (const [row, xs] of [
      [60, [44, 56]],
      [69, [50]],
      [78, [44, 56]],
    ] as const) {
      for (const x of xs)
        pen('trim', [
          [x - 4, row - 3],
          [x + 4, row - 3],
          [x, row + 4],
        ]);
    }
    pen('trim', blob([20, 42], [30, 46], [33, 70], [27 - spread, 86], [17 - spread, 66]));
    pen('trim', blob([80, 42], [70, 46], [67, 70], [73 + spread, 86], [83 + spread, 66]));
    for (const x of [37, 63]) {
      pen('pale', ellipse(x, 30, 14));
      pen('accent', ellipse(x, 30, 9));
      pen('eye', ellipse(x, 30, 5.4));
      pen('pale', ellipse(x - 2, 28, 1.7));
    }
    pen('accent', [
      [45, 36],
      [55, 36],
      [50, 47],
    ]);
    pen('accent', rounded(36, 89, 10, 6, 3));
    pen('accent', rounded(54, 89, 10, 6, 3));
  },
};

const elephant: Subject = {
  name: 'elephant',
  plural: 'elephants',
  kind: 'animal',
  scenes: ['desert', 'meadow', 'forest'],
  variants: { grey: { body: '#8c9097', trim: '#72767e', pale: '#f3eddb', accent: '#d6a3a3' } },
  draw(pen, random) {
    const curl = random.uniform(-6, 6);
    pen('trim', ribbon(curve([92, 48], [97, 60], [95, 74]), 3, 2));
    for (const x of [45, 80]) pen('trim', rounded(x, 62, 13, 33, 3), -0.1);
    pen(
      'body',
      blob([34, 26], [56, 20], [80, 24], [94, 42], [94, 66], [82, 74], [44, 74], [32, 56]),
    );
    for (const x of [38, 70]) {
      pen('body', rounded(x, 60, 14, 35, 3));
      for (const toe of [2, 6, 10]) pen('pale', ellipse(x + toe + 1, 93.5, 1.9, 1.6));
    }
    pen('body', ribbon(curve([20, 36], [9, 52], [9, 72], [5 + curl, 88], [13 + curl, 91]), 15, 6));
    pen('body', ellipse(27, 34, 18, 19));
    pen('pale', ribbon(curve([22, 50], [20, 62], [11, 66]), 5, 2));
    pen('trim', blob([34, 18], [50, 16], [58, 32], [52, 54], [40, 56], [34, 40]));
    pen('accent', blob([39, 25], [48, 24], [52, 34], [48, 47], [41, 47], [38, 36]), -0.1);
    eyes(pen, 31, 19);
  },
};

const giraffe: Subject = {
  name: 'giraffe',
  plural: 'giraffes',
  kind: 'animal',
  scenes: ['desert', 'meadow'],
  variants: { yellow: { body: '#e2b25a', trim: '#96582c', pale: '#f4e3bb', accent: '#7a4a2a' } },
  draw(pen, random) {
    const stride = random.uniform(-3, 3);
    pen('accent', ribbon(curve([78, 58], [84, 66], [82, 76]), 2.5, 4));
    for (const x of [46 + stride, 71 + stride])
      pen(
        'body',
        [
          [x, 64],
          [x + 7, 64],
          [x + 5, 95],
          [x + 1, 95],
        ],
        -0.15,
      );
    pen('body', blob([38, 54], [56, 50], [76, 54], [81, 64], [74, 72], [46, 72], [36, 66]));
    pen('body', [
      [24, 14],
      [34, 12],
      [56, 54],
      [38, 66],
    ]);
    pen(
      'accent',
      ribbon(
        [
          [33, 12],
          [56, 53],
        ],
        3.5,
      ),
    );
    for (const x of [38, 64])
      pen('body', [
        [x, 64],
        [x + 8, 64],
        [x + 6, 95],
        [x + 1, 95],
      ]);
    const spots = [
      [32, 25, 3],
      [36, 35, 3.6],
      [43, 42, 3.5],
      [40, 52, 4],
      [49, 58, 4.4],
      [60, 56, 4.4],
      [70, 60, 4.6],
      [56, 66, 3.6],
      [66, 68, 3],
      [45, 66, 3],
    ] as const;
    for (const [x, y, r] of spots) pen('trim', star(x, y, 3, r, r * 0.72, x * 7));
    for (const x of [39, 65])
      pen('dark', [
        [x, 91],
        [x + 6, 91],
        [x + 6, 95],
        [x, 95],
      ]);
    for (const x of [22, 29]) {
      pen(
        'accent',
        ribbon(
          [
            [x + 2, 10],
            [x, 2],
          ],
          2.4,
        ),
      );
      pen('accent', ellipse(x, 2, 2.2));
    }
    pen('body', blob([36, 10], [46, 7], [44, 14], [36, 16]));
    pen('body', blob([8, 20], [18, 9], [32, 8], [36, 16], [28, 24], [12, 27]));
    pen('pale', blob([7, 20], [14, 17], [17, 24], [11, 28], [6, 25]));
    eyes(pen, 14, 23);
  },
};

const hedgehog: Subject = {
  name: 'hedgehog',
  plural: 'hedgehogs',
  kind: 'animal',
  scenes: ['forest', 'meadow'],
  variants: { brown: { body: '#6a4b35', trim: '#4a3325', pale: '#e0c09a', accent: '#d98b7a' } },
  draw(pen, random) {
    const tips = random.integer(15, 19);
    for (const x of [34, 48, 66, 78]) pen('pale', ellipse(x, 92, 6, 3.5), -0.2);
    pen(
      'trim',
      star(58, 62, tips, 41, 33).map(([x, y]) => [x, Math.min(y, 90)] as const),
    );
    pen(
      'body',
      star(59, 64, tips, 33, 26, -80).map(([x, y]) => [x, Math.min(y, 90)] as const),
    );
    pen(
      'trim',
      star(60, 66, 12, 22, 17, -75).map(([x, y]) => [x, Math.min(y, 90)] as const),
      0.15,
    );
    pen('pale', blob([4, 76], [18, 66], [30, 54], [40, 62], [42, 80], [36, 91], [18, 88]));
    pen('pale', ellipse(36, 60, 6), -0.15);
    pen('dark', ellipse(5, 76, 4.2));
    eyes(pen, 71, 22);
    pen('accent', ellipse(28, 80, 4, 2.6));
  },
};

const butterfly: Subject = {
  name: 'butterfly',
  plural: 'butterflies',
  kind: 'animal',
  stance: 'flies',
  scenes: ['meadow', 'sky', 'forest'],
  variants: {
    orange: { body: '#e07a24', trim: '#f2b13d', accent: '#2c2522', pale: '#fff3da' },
    blue: { body: '#3b77c9', trim: '#7fb4ec', accent: '#1f2a44', pale: '#eef6ff' },
    yellow: { body: '#ecc63b', trim: '#f5e08a', accent: '#6a5216', pale: '#fffbe2' },
  },
  draw(pen, random) {
    const open = random.uniform(0.82, 1.08);
    for (const side of [-1, 1]) {
      const at = (x: number, y: number) => [50 + side * x * open, y] as const;
      pen('accent', blob(at(3, 46), at(14, 16), at(38, 4), at(47, 16), at(40, 42), at(18, 54)));
      pen('body', blob(at(5, 45), at(16, 20), at(36, 9), at(43, 18), at(36, 39), at(18, 50)));
      pen('accent', blob(at(3, 50), at(20, 52), at(37, 60), at(34, 84), at(20, 92), at(8, 74)));
      pen('trim', blob(at(6, 55), at(20, 57), at(32, 64), at(30, 80), at(20, 86), at(10, 72)));
      pen('pale', ellipse(...at(31, 22), 5.5));
      pen('accent', ellipse(...at(22, 36), 4));
      pen('pale', ellipse(...at(23, 73), 4.6));
      pen('dark', ribbon(curve([50, 30], at(5, 18), at(12, 8)), 1.8));
      pen('dark', ellipse(...at(12, 8), 2.2));
    }
    pen('dark', blob([50, 26], [54, 34], [54, 66], [50, 80], [46, 66], [46, 34]));
    pen('dark', ellipse(50, 28, 5));
  },
};

const snail: Subject = {
  name: 'snail',
  plural: 'snails',
  kind: 'animal',
  scenes: ['meadow', 'forest'],
  variants: {
    brown: { body: '#b9794a', trim: '#7c4b2b', pale: '#d8bf8f', accent: '#f0d9b4' },
    pink: { body: '#d98a97', trim: '#a85567', pale: '#e4d2a8', accent: '#f7dbe0' },
  },
  draw(pen, random) {
    const stretch = random.uniform(-4, 4);
    pen('pale', ribbon(curve([18, 66], [12, 52], [9 + stretch, 40]), 3.4));
    pen('pale', ribbon(curve([22, 64], [24, 50], [27 + stretch, 40]), 3.4));
    pen('eye', ellipse(9 + stretch, 39, 3.6));
    pen('eye', ellipse(27 + stretch, 39, 3.6));
    pen(
      'pale',
      blob([9, 74], [18, 62], [30, 68], [40, 84], [70, 86], [98, 93], [60, 95], [24, 95], [12, 90]),
    );
    pen('trim', ellipse(60, 56, 33, 32));
    pen('body', ellipse(60, 56, 29.5, 28.5));
    let [angle, radius] = [90, 29];
    const spiral = Array.from({ length: 40 }, () => {
      angle -= 23;
      radius *= 0.945;
      const turn = (angle * Math.PI) / 180;
      return [60 + radius * Math.cos(turn), 56 + radius * 0.96 * Math.sin(turn)] as const;
    });
    pen('accent', ribbon(spiral, 5.5, 2.5));
    pen('dark', ribbon(arc(19, 77, 5, 4, 100, 190), 1.4));
  },
};

export const wildAnimals = [fox, owl, elephant, giraffe, hedgehog, butterfly, snail] as const;

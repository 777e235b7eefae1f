import type { Pen } from '../drawing.ts';
import { blob, curve, ellipse, rectangle, ribbon, rounded } from '../outline.ts';
import type { Subject } from './subject.ts';

const eyes = (pen: Pen, y: number, ...xs: number[]) => {
  for (const x of xs) pen('eye', ellipse(x, y, 2.6, 3));
};

const cat: Subject = {
  name: 'cat',
  plural: 'cats',
  kind: 'animal',
  scenes: ['room', 'street', 'meadow'],
  variants: {
    orange: { body: '#d98537', trim: '#b9622a', pale: '#f6e4cc', accent: '#d97f86' },
    grey: { body: '#8b8f98', trim: '#686c76', pale: '#d9dbe0', accent: '#c98b94' },
    black: { body: '#35343a', trim: '#232227', pale: '#5a585f', accent: '#b0707c', eye: '#e3c84a' },
  },
  draw(pen, random) {
    const tip = random.uniform(-8, 8);
    pen('trim', ribbon(curve([68, 90], [88, 88], [93, 68 + tip], [82, 52 + tip]), 8, 5));
    pen('body', blob([34, 50], [56, 48], [70, 64], [75, 86], [68, 95], [34, 95], [31, 72]));
    pen('trim', blob([56, 70], [70, 68], [76, 86], [70, 95], [54, 95], [51, 84]));
    pen('pale', blob([38, 50], [48, 50], [48, 66], [42, 76], [36, 66]));
    pen('body', rounded(33, 66, 9, 29, 4), 0.08);
    pen('body', rounded(44, 66, 9, 29, 4), 0.08);
    pen('body', [
      [22, 30],
      [22, 4],
      [41, 19],
    ]);
    pen('body', [
      [43, 19],
      [62, 4],
      [62, 30],
    ]);
    pen('accent', [
      [26, 25],
      [26, 11],
      [36, 20],
    ]);
    pen('accent', [
      [48, 20],
      [58, 11],
      [58, 25],
    ]);
    pen('body', ellipse(42, 34, 22, 18));
    pen('pale', ellipse(42, 42, 10, 7));
    eyes(pen, 32, 33, 51);
    pen('accent', [
      [39, 38],
      [45, 38],
      [42, 42],
    ]);
    for (const y of [40, 44]) {
      pen(
        'dark',
        ribbon(
          [
            [34, 41],
            [16, y - 1],
          ],
          1.1,
        ),
      );
      pen(
        'dark',
        ribbon(
          [
            [50, 41],
            [68, y - 1],
          ],
          1.1,
        ),
      );
    }
  },
};

const dog: Subject = {
  name: 'dog',
  plural: 'dogs',
  kind: 'animal',
  scenes: ['meadow', 'street', 'beach', 'snow'],
  variants: {
    brown: { body: '#a56a3a', trim: '#6d4123', pale: '#ead2b0', accent: '#c23b34' },
    white: { body: '#ece6da', trim: '#b98f62', pale: '#ffffff', accent: '#3568b5' },
    black: { body: '#3a373a', trim: '#252327', pale: '#a98058', accent: '#d1a12e' },
  },
  draw(pen, random) {
    const wag = random.uniform(-6, 10);
    pen('body', ribbon(curve([82, 52], [91, 44], [94 - wag / 2, 28 + wag]), 7, 3));
    for (const x of [43, 76]) pen('body', rounded(x, 66, 8, 29, 3), -0.15);
    pen(
      'body',
      blob(
        [30, 46],
        [52, 45],
        [76, 46],
        [88, 52],
        [87, 68],
        [76, 73],
        [52, 72],
        [34, 73],
        [28, 60],
      ),
    );
    pen('trim', blob([58, 45], [76, 46], [80, 56], [68, 62], [58, 56]));
    for (const x of [32, 67]) {
      pen('body', rounded(x, 66, 9, 29, 3));
      pen('pale', rounded(x - 2, 89, 11, 6, 3));
    }
    pen('body', blob([26, 26], [42, 24], [47, 40], [42, 58], [28, 54]));
    pen(
      'accent',
      ribbon(
        [
          [25, 54],
          [46, 50],
        ],
        5,
      ),
    );
    pen('body', blob([14, 26], [28, 16], [42, 22], [45, 36], [34, 44], [20, 43]));
    pen('pale', blob([4, 36], [14, 29], [26, 33], [26, 44], [12, 46], [4, 43]));
    pen('dark', ellipse(6, 36, 4.5, 3.6));
    pen('trim', blob([34, 18], [44, 20], [50, 36], [46, 48], [39, 44], [36, 30]));
    eyes(pen, 28, 23);
  },
};

const rabbit: Subject = {
  name: 'rabbit',
  plural: 'rabbits',
  kind: 'animal',
  scenes: ['meadow', 'forest', 'snow'],
  variants: {
    white: { body: '#efece8', trim: '#d5cfc9', pale: '#ffffff', accent: '#e8a1ab' },
    brown: { body: '#9c7650', trim: '#7b5a3a', pale: '#e4d3bc', accent: '#d99a94' },
    grey: { body: '#9b9b9f', trim: '#7c7c82', pale: '#e3e3e6', accent: '#d8a0a8' },
  },
  draw(pen, random) {
    const back = random.uniform(0, 14);
    pen('trim', blob([34, 36], [40 + back, 4], [48 + back, 3], [47, 36]), -0.05);
    pen('body', blob([24, 36], [21 + back / 2, 2], [30 + back / 2, 0], [36, 34]));
    pen('accent', blob([27, 32], [24 + back / 2, 8], [29 + back / 2, 7], [32, 32]));
    pen('pale', ellipse(86, 76, 9));
    pen(
      'body',
      blob([36, 52], [58, 46], [78, 56], [86, 76], [80, 92], [58, 95], [36, 94], [30, 72]),
    );
    pen('trim', blob([56, 70], [68, 60], [82, 72], [80, 92], [62, 94], [54, 84]));
    pen('body', rounded(56, 88, 26, 7, 3.5), 0.1);
    pen('body', rounded(30, 70, 8, 25, 4), 0.1);
    pen('body', ellipse(30, 44, 18, 15));
    pen('pale', ellipse(20, 51, 8, 6));
    pen('accent', ellipse(13.5, 47, 2.6, 2.2));
    eyes(pen, 41, 24);
  },
};

const horse: Subject = {
  name: 'horse',
  plural: 'horses',
  kind: 'animal',
  scenes: ['meadow', 'beach', 'desert'],
  variants: {
    brown: { body: '#8a5230', trim: '#3c241a', pale: '#efe3d2', accent: '#5d3620' },
    white: { body: '#e9e6e0', trim: '#b5aea4', pale: '#ffffff', accent: '#8f8880' },
    black: { body: '#3b3639', trim: '#1f1c1f', pale: '#d8d2cc', accent: '#242125' },
  },
  draw(pen, random) {
    const step = random.uniform(0, 10);
    pen('trim', blob([84, 44], [93, 46], [98, 66], [92, 82], [87, 68], [84, 54]));
    pen(
      'body',
      [
        [40, 60],
        [48, 60],
        [44 + step, 80],
        [42 + step, 95],
        [36 + step, 95],
        [38 + step, 78],
      ],
      -0.2,
    );
    pen(
      'body',
      [
        [72, 58],
        [80, 58],
        [80 - step, 78],
        [78 - step, 95],
        [72 - step, 95],
        [74 - step, 78],
      ],
      -0.2,
    );
    pen(
      'body',
      blob([30, 42], [48, 44], [72, 40], [88, 46], [88, 60], [78, 67], [54, 66], [36, 66]),
    );
    pen('body', [
      [30, 58],
      [42, 60],
      [38, 80],
      [37, 95],
      [31, 95],
      [32, 78],
    ]);
    pen('body', [
      [76, 54],
      [88, 52],
      [88, 74],
      [85, 95],
      [79, 95],
      [81, 76],
    ]);
    for (const x of [30, 78])
      pen('dark', [
        [x, 91],
        [x + 8, 91],
        [x + 8, 95],
        [x, 95],
      ]);
    pen('body', blob([20, 14], [32, 10], [44, 26], [54, 46], [40, 62], [29, 54], [28, 34]));
    pen('trim', blob([28, 6], [38, 12], [48, 28], [56, 44], [48, 46], [38, 32], [30, 16]));
    pen('body', [
      [25, 12],
      [26, 0],
      [33, 9],
    ]);
    pen('body', blob([4, 36], [12, 22], [22, 10], [33, 12], [33, 24], [20, 34], [10, 42]));
    pen(
      'pale',
      ribbon(
        [
          [19, 16],
          [9, 32],
        ],
        3,
        2,
      ),
    );
    pen('accent', blob([3, 36], [8, 31], [15, 36], [9, 43]));
    eyes(pen, 19, 24);
  },
};

const cow: Subject = {
  name: 'cow',
  plural: 'cows',
  kind: 'animal',
  scenes: ['meadow', 'forest'],
  variants: {
    white: { body: '#f1efe9', trim: '#37333a', pale: '#f0b6b2', accent: '#d8c9a5' },
    brown: { body: '#a3653b', trim: '#efe2d0', pale: '#ecb4ab', accent: '#e2d3b0' },
  },
  draw(pen, random) {
    const tail = random.uniform(-5, 5);
    pen('body', ribbon(curve([91, 42], [97, 58], [94 + tail, 74]), 2.5, 2));
    pen('trim', ellipse(94 + tail, 77, 3, 5));
    for (const x of [40, 74]) pen('body', rectangle(x, 66, 9, 29), -0.2);
    pen(
      'body',
      blob([30, 36], [54, 34], [86, 34], [94, 44], [92, 66], [78, 74], [44, 74], [31, 64]),
    );
    pen('trim', blob([44, 34], [60, 34], [62, 48], [50, 54], [42, 46]));
    pen('trim', blob([72, 50], [86, 46], [92, 58], [84, 70], [70, 64]));
    pen('pale', ellipse(70, 75, 8, 6));
    for (const x of [33, 82]) {
      pen('body', rectangle(x, 64, 9, 31));
      pen('dark', rectangle(x, 90, 9, 5));
    }
    pen('accent', ribbon(curve([15, 24], [9, 19], [10, 9]), 4, 1.6));
    pen('accent', ribbon(curve([33, 24], [39, 19], [38, 9]), 4, 1.6));
    pen('trim', blob([12, 28], [1, 24], [1, 32], [10, 35]));
    pen('trim', blob([36, 28], [47, 24], [47, 32], [38, 35]));
    pen('body', blob([12, 24], [24, 20], [36, 24], [37, 44], [33, 58], [15, 58], [11, 44]));
    pen('trim', blob([26, 21], [36, 24], [37, 42], [30, 42]));
    pen('pale', ellipse(24, 56, 13, 9.5));
    pen('dark', ellipse(19, 55, 1.9, 2.6));
    pen('dark', ellipse(29, 55, 1.9, 2.6));
    pen('eye', ellipse(18, 36, 2.6, 3.2));
    pen('pale', ellipse(31, 36, 3.6, 4), 0.5);
    pen('eye', ellipse(31, 36, 2.3, 3));
  },
};

export const petsAndCattle = [cat, dog, rabbit, horse, cow] as const;

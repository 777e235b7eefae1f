import { arc, blob, curve, ellipse, rectangle, ribbon, rounded } from '../outline.ts';
import type { Subject } from './subject.ts';

const guitar: Subject = {
  name: 'guitar',
  plural: 'guitars',
  kind: 'thing',
  scenes: ['room', 'beach', 'street'],
  variants: {
    brown: { body: '#b9773c', trim: '#7d4a22', accent: '#4c3020', pale: '#e9d9bd' },
    red: { body: '#b83a32', trim: '#80241f', accent: '#46302a', pale: '#efe2d2' },
    black: { body: '#3a383c', trim: '#222126', accent: '#7b5a3a', pale: '#efe9de' },
  },
  draw(pen, random) {
    const waist = random.uniform(-3, 2);
    pen(
      'trim',
      blob(
        [50, 36],
        [66, 42],
        [66 + waist, 56],
        [76, 74],
        [68, 93],
        [50, 97],
        [32, 93],
        [24, 74],
        [34 - waist, 56],
        [34, 42],
      ),
    );
    pen(
      'body',
      blob(
        [50, 39],
        [63, 44],
        [63 + waist, 57],
        [72, 74],
        [65, 90],
        [50, 94],
        [35, 90],
        [28, 74],
        [37 - waist, 57],
        [37, 44],
      ),
    );
    pen('accent', rectangle(46, 2, 8, 54));
    pen('accent', [
      [43, -8],
      [57, -8],
      [55, 6],
      [45, 6],
    ]);
    for (const y of [-5, 0]) for (const x of [40, 57]) pen('pale', rectangle(x, y, 4, 3));
    for (const y of [12, 20, 28, 36]) pen('pale', rectangle(46, y, 8, 1.3));
    pen('dark', ellipse(50, 60, 9));
    pen('trim', rounded(39, 78, 22, 5, 2));
    for (const x of [48, 50, 52]) pen('pale', rectangle(x - 0.5, 2, 1, 78));
  },
};

const key: Subject = {
  name: 'key',
  plural: 'keys',
  kind: 'thing',
  scenes: ['table'],
  variants: {
    golden: { body: '#d6a732', trim: '#a67c1e', accent: '#f0d27a', pale: '#fbeeb4' },
    silver: { body: '#9aa0a6', trim: '#74797f', accent: '#c9ced2', pale: '#eef0f2' },
  },
  draw(pen, random) {
    const teeth = random.integer(2, 3);
    pen('body', ribbon(arc(24, 46, 17, 17, 0, 362), 10));
    pen('trim', ribbon(arc(24, 46, 13, 13, 0, 362), 2));
    pen('accent', ribbon(arc(24, 46, 20, 20, 180, 300), 2));
    pen('body', rectangle(42, 41.5, 56, 9));
    pen('accent', rectangle(44, 43, 52, 2.4));
    pen('trim', rounded(42, 38, 6, 16, 2));
    for (let i = 0; i < teeth; i++)
      pen('body', rectangle(70 + (i * 28) / teeth, 50, 20 / teeth, i % 2 ? 12 : 17));
  },
};

const bell: Subject = {
  name: 'bell',
  plural: 'bells',
  kind: 'thing',
  scenes: ['table', 'snow'],
  variants: {
    golden: { body: '#dcaa33', trim: '#a97b1f', accent: '#c0392f', pale: '#f8e6a4' },
    silver: { body: '#a3a8ad', trim: '#777c82', accent: '#3a6aa8', pale: '#e9ecee' },
  },
  draw(pen, random) {
    const swing = random.uniform(-8, 8);
    pen('trim', ribbon(arc(50, 12, 7, 7, 0, 362), 4));
    pen('trim', ellipse(50 + swing, 88, 9));
    pen('body', [
      ...curve(
        [8, 80],
        [22, 66],
        [26, 40],
        [36, 20],
        [50, 16],
        [64, 20],
        [74, 40],
        [78, 66],
        [92, 80],
      ),
    ]);
    pen('trim', rounded(6, 76, 88, 9, 4.5));
    pen('accent', [
      [25.4, 46],
      [74.6, 46],
      [76, 55],
      [24, 55],
    ]);
    pen('pale', blob([36, 26], [42, 23], [38, 42], [33, 42]));
    pen('pale', blob([31, 58], [36, 58], [32, 72], [26, 72]));
  },
};

const boot: Subject = {
  name: 'boot',
  plural: 'boots',
  kind: 'thing',
  scenes: ['street', 'room', 'snow'],
  variants: {
    brown: { body: '#8d5a34', trim: '#5d3a20', accent: '#d9b27a', pale: '#c08d5c' },
    red: { body: '#bf3a35', trim: '#872624', accent: '#f0c14b', pale: '#e07a6c' },
    yellow: { body: '#e6b934', trim: '#b58c22', accent: '#f7e6a0', pale: '#f5d979' },
  },
  draw(pen, random) {
    const shaft = random.uniform(-4, 6);
    pen('body', [
      [42, 6 - shaft],
      [80, 6 - shaft],
      ...curve([80, 40], [84, 66], [83, 84]),
      [6, 84],
      ...curve([5, 78], [10, 66], [30, 58], [42, 44]),
    ]);
    pen('trim', rounded(3, 82, 82, 7, 3));
    pen('trim', rectangle(62, 86, 22, 9));
    pen('trim', rectangle(4, 86, 44, 6));
    pen('accent', rounded(39, 3 - shaft, 44, 9, 3));
    pen('pale', blob([8, 78], [14, 68], [27, 62], [30, 72], [26, 80]));
    for (const y of [24, 33, 42]) {
      pen(
        'accent',
        ribbon(
          [
            [43, y],
            [56, y - 3],
          ],
          2.2,
        ),
      );
      pen('dark', ellipse(57, y - 3, 1.7));
    }
  },
};

const hat: Subject = {
  name: 'hat',
  plural: 'hats',
  kind: 'thing',
  scenes: ['beach', 'room', 'table'],
  variants: {
    black: { body: '#35343a', trim: '#24232a', accent: '#b5333a', pale: '#55545c' },
    brown: { body: '#96683f', trim: '#6f4a2a', accent: '#3c2a20', pale: '#b88a5d' },
    yellow: { body: '#dfbd6c', trim: '#bf9a48', accent: '#3a5f93', pale: '#f0dba0' },
  },
  draw(pen, random) {
    const crown = random.uniform(-8, 8);
    pen(
      'trim',
      blob([2, 76], [24, 70], [50, 68], [76, 70], [98, 76], [80, 88], [50, 92], [20, 88]),
    );
    pen('body', [
      ...curve(
        [24, 76],
        [27, 50],
        [28, 30 - crown],
        [42, 24 - crown],
        [50, 28 - crown],
        [58, 24 - crown],
        [72, 30 - crown],
        [73, 50],
        [76, 76],
      ),
      ...curve([76, 76], [50, 84], [24, 76]),
    ]);
    pen('accent', [
      ...curve([25.5, 62], [50, 69], [74.5, 62]),
      ...curve([76, 76], [50, 84], [24, 76]),
    ]);
    pen('pale', blob([34, 34 - crown], [40, 31 - crown], [38, 54], [33, 56]));
  },
};

const crown: Subject = {
  name: 'crown',
  plural: 'crowns',
  kind: 'thing',
  scenes: ['table', 'room'],
  variants: {
    golden: {
      body: '#dfb038',
      trim: '#ac8222',
      accent: '#b8323a',
      pale: '#f7e6a6',
      window: '#3f7fc0',
    },
    silver: {
      body: '#b3b8bd',
      trim: '#868b91',
      accent: '#7a4fa3',
      pale: '#eef1f3',
      window: '#3f9a7a',
    },
  },
  draw(pen, random) {
    const high = random.uniform(-6, 6);
    pen('body', [
      [8, 84],
      [3, 34],
      [25, 56],
      [30, 20 - high / 2],
      [42, 50],
      [50, 10 - high],
      [58, 50],
      [70, 20 - high / 2],
      [75, 56],
      [97, 34],
      [92, 84],
    ]);
    pen('trim', rounded(8, 80, 84, 13, 3));
    for (const [x, y] of [
      [4, 32],
      [30, 18 - high / 2],
      [50, 8 - high],
      [70, 18 - high / 2],
      [96, 32],
    ] as const)
      pen('accent', ellipse(x, y, 5));
    for (const x of [26, 50, 74]) pen('window', ellipse(x, 70, 4.4, 5.4));
    for (const x of [18, 34, 50, 66, 82]) pen('pale', ellipse(x, 86.5, 2.8));
  },
};

const snowman: Subject = {
  name: 'snowman',
  plural: 'snowmen',
  kind: 'thing',
  scenes: ['snow', 'mountains', 'night'],
  variants: {
    white: {
      body: '#f3f6f9',
      trim: '#2c2d34',
      accent: '#c93a35',
      pale: '#ffffff',
      glow: '#ea8a2c',
    },
  },
  draw(pen, random) {
    const wave = random.uniform(-10, 10);
    pen(
      'wood',
      ribbon(
        [
          [30, 54],
          [6, 44 - wave],
        ],
        2.8,
      ),
    );
    pen(
      'wood',
      ribbon(
        [
          [70, 54],
          [94, 44 + wave],
        ],
        2.8,
      ),
    );
    pen('body', ellipse(50, 76, 29, 21));
    pen('body', ellipse(50, 52, 21, 17), -0.02);
    pen('body', ellipse(50, 29, 15.5, 15));
    pen('accent', ribbon(curve([35, 40], [50, 45], [65, 40]), 6));
    pen(
      'accent',
      [
        [58, 42],
        [65, 42],
        [68, 60],
        [61, 61],
      ],
      -0.1,
    );
    pen('trim', rectangle(31, 15, 38, 4));
    pen('trim', rectangle(38, -3, 24, 20));
    pen('accent', rectangle(38, 10, 24, 4));
    for (const x of [44, 56]) pen('eye', ellipse(x, 26, 2.3));
    pen('glow', [
      [50, 29],
      [50, 34],
      [32, 34],
    ]);
    for (const y of [53, 62, 72, 82]) pen('dark', ellipse(50, y, 2.2));
  },
};

const camera: Subject = {
  name: 'camera',
  plural: 'cameras',
  kind: 'thing',
  scenes: ['table', 'room', 'beach'],
  variants: {
    black: { body: '#36363b', trim: '#55555c', accent: '#c23a34', pale: '#b9bcc2' },
    brown: { body: '#8a5e3c', trim: '#c9c5bb', accent: '#c23a34', pale: '#dedad0' },
  },
  draw(pen, random) {
    const lens = random.uniform(19, 23);
    pen('trim', [
      [32, 30],
      [38, 16],
      [62, 16],
      [68, 30],
    ]);
    pen('accent', rounded(14, 22, 13, 8, 2));
    pen('body', rounded(4, 28, 92, 60, 8));
    pen('trim', rectangle(4, 38, 92, 8));
    pen('glow', rounded(74, 31, 14, 6, 2), 0.4);
    pen('pale', ellipse(50, 60, lens + 3));
    pen('dark', ellipse(50, 60, lens));
    pen('window', ellipse(50, 60, lens * 0.62), -0.2);
    pen('dark', ellipse(50, 60, lens * 0.3));
    pen('pale', ellipse(44, 54, 3.6), 0.3);
    pen('window', rounded(44, 20, 12, 7, 2));
  },
};

const anchor: Subject = {
  name: 'anchor',
  plural: 'anchors',
  kind: 'thing',
  scenes: ['beach', 'underwater'],
  variants: {
    grey: { body: '#6f7780', trim: '#545b63', accent: '#b88a4a', pale: '#a6adb5' },
    red: { body: '#a8402f', trim: '#7d2d22', accent: '#d0a860', pale: '#c97a66' },
  },
  draw(pen, random) {
    const sweep = random.uniform(-4, 4);
    pen('accent', ribbon(curve([50, 14], [66, 18], [74, 34], [62, 50], [60, 66]), 3));
    pen('body', ribbon(arc(50, 12, 9, 9, 0, 362), 5));
    pen('body', rectangle(46, 20, 8, 70));
    pen('trim', rounded(26, 28, 48, 7, 3.5));
    pen('body', [...arc(50, 50 + sweep, 40, 42, 20, 160), ...arc(50, 46 + sweep, 34, 34, 155, 25)]);
    pen('trim', [
      [2, 76 + sweep],
      [6, 54 + sweep],
      [26, 68 + sweep],
    ]);
    pen('trim', [
      [98, 76 + sweep],
      [94, 54 + sweep],
      [74, 68 + sweep],
    ]);
    pen('pale', rectangle(47.4, 38, 1.8, 46));
  },
};

export const belongings = [guitar, key, bell, boot, hat, crown, snowman, camera, anchor] as const;

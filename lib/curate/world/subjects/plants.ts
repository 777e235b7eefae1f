import type { Pen } from '../drawing.ts';
import { blob, curve, ellipse, type Point, rectangle, ribbon, rounded } from '../outline.ts';
import type { Subject } from './subject.ts';

/** A leaf from `a` to `b`, `wide` at its middle. */
const leaf = ([ax, ay]: Point, [bx, by]: Point, wide: number) => {
  const [dx, dy] = [bx - ax, by - ay];
  const length = Math.hypot(dx, dy);
  const [u, v] = [(-dy / length) * (wide / 2), (dx / length) * (wide / 2)];
  const [mx, my] = [ax + dx * 0.5, ay + dy * 0.5];
  return [
    ...curve([ax, ay], [mx + u, my + v], [bx, by]),
    ...curve([bx, by], [mx - u, my - v], [ax, ay]),
  ];
};

const tree: Subject = {
  name: 'tree',
  plural: 'trees',
  kind: 'plant',
  scenes: ['meadow', 'mountains', 'street'],
  variants: {
    green: { foliage: '#4f8a3c', body: '#3f7433', accent: '#7fae54' },
    orange: { foliage: '#d5792c', body: '#b85f22', accent: '#ecaa4c' },
  },
  draw(pen, random) {
    const wind = random.uniform(-4, 4);
    pen('wood', [
      [43, 95],
      [46, 58],
      [34, 44],
      [38, 42],
      [49, 52],
      [58, 40],
      [63, 43],
      [54, 60],
      [57, 95],
    ]);
    const crown = [
      [28, 44, 20],
      [72, 44, 20],
      [34, 26, 20],
      [66, 26, 20],
      [50, 18, 18],
      [50, 42, 22],
    ] as const;
    for (const [x, y, r] of crown) pen('body', ellipse(x + wind, y + 2, r));
    for (const [x, y, r] of crown) pen('foliage', ellipse(x + wind - 1, y - 1, r - 3.5));
    for (const [x, y, r] of [
      [34, 20, 7],
      [54, 12, 6],
      [26, 38, 6],
      [58, 34, 7],
    ] as const)
      pen('accent', ellipse(x + wind, y, r, r * 0.7));
  },
};

const pine: Subject = {
  name: 'pine tree',
  plural: 'pine trees',
  kind: 'plant',
  scenes: ['snow', 'forest', 'mountains', 'night'],
  variants: { green: { foliage: '#2f6a46', body: '#24553a', accent: '#4c8a60' } },
  draw(pen, random) {
    const spread = random.uniform(0.88, 1.1);
    pen('wood', rectangle(45, 82, 10, 13));
    for (const [top, bottom, half] of [
      [48, 86, 34],
      [24, 64, 27],
      [2, 40, 19],
    ] as const) {
      const w = half * spread;
      pen('body', [
        [50, top],
        [50 + w, bottom],
        [50 + w * 0.4, bottom - 4],
        [50, bottom + 1],
        [50 - w * 0.4, bottom - 4],
        [50 - w, bottom],
      ]);
      pen('foliage', [
        [50, top],
        [50 + w * 0.2, bottom - 5],
        [50 - w * 0.4, bottom - 5],
        [50 - w, bottom],
      ]);
    }
  },
};

const palm: Subject = {
  name: 'palm tree',
  plural: 'palm trees',
  kind: 'plant',
  scenes: ['beach', 'desert'],
  variants: { green: { foliage: '#4b9a4a', body: '#387a3a', accent: '#6a4529', wood: '#9a7248' } },
  draw(pen, random) {
    const bend = random.uniform(4, 14);
    const [x, y] = [46 - bend / 2, 32];
    pen('wood', ribbon(curve([56 + bend, 96], [54 + bend / 2, 76], [49, 54], [x, y]), 10, 5));
    for (const t of [0.2, 0.4, 0.6, 0.8]) {
      const cx = 56 + bend - t * (10 + bend * 1.5);
      pen(
        'wood',
        ribbon(
          [
            [cx - 4, 94 - t * 62],
            [cx + 5, 93 - t * 62],
          ],
          1.6,
        ),
        -0.3,
      );
    }
    for (const [u, v, w] of [
      [-40, 22, 13],
      [42, 20, 13],
      [-40, -8, 13],
      [40, -10, 13],
      [-18, -28, 12],
      [20, -28, 12],
    ] as const) {
      const tip: Point = [x + u, y + v];
      const lift: Point = [x + u * 0.55, y + v * 0.4 - 12];
      const width = w * 0.9;
      pen(v > 0 ? 'body' : 'foliage', [
        ...curve([x, y], lift, tip),
        ...curve(tip, [lift[0], lift[1] + width], [x, y + 3]),
      ]);
    }
    for (const [u, v] of [
      [-4, 4],
      [4, 5],
      [0, 1],
    ] as const)
      pen('accent', ellipse(x + u, y + v, 4.4));
  },
};

const cactus: Subject = {
  name: 'cactus',
  plural: 'cacti',
  kind: 'plant',
  scenes: ['desert', 'table'],
  variants: { green: { body: '#4d8c57', trim: '#37693f', accent: '#e06a8a', pale: '#b9d6a0' } },
  draw(pen, random) {
    const arm = random.uniform(-6, 8);
    pen('body', ribbon(curve([44, 66], [20, 66], [18, 58], [18, 36 + arm]), 13));
    pen('body', ellipse(18, 36 + arm, 6.5));
    pen('body', ribbon(curve([56, 56], [80, 56], [82, 48], [82, 26 - arm]), 13));
    pen('body', ellipse(82, 26 - arm, 6.5));
    pen('body', rounded(38, 6, 24, 89, 12));
    for (const x of [44, 50, 56]) pen('trim', rounded(x - 0.9, 16, 1.8, 76, 0.9));
    for (const [x, y] of [
      [41, 26],
      [53, 34],
      [47, 46],
      [59, 60],
      [41, 70],
      [53, 78],
    ] as const)
      pen(
        'pale',
        ribbon(
          [
            [x - 2, y - 2],
            [x + 2, y + 2],
          ],
          1.2,
        ),
      );
    for (const turn of [-40, 0, 40])
      pen('accent', ellipse(50 + turn / 7, 6 - (40 - Math.abs(turn)) / 12, 3.6, 6, turn));
  },
};

const petals = (pen: Pen, x: number, y: number, count: number, reach: number, wide: number) => {
  for (let i = 0; i < count; i++) {
    const angle = (360 / count) * i;
    const [u, v] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
    pen(
      'body',
      ellipse(x + u * reach, y + v * reach, reach * 0.66, wide, angle),
      i % 2 ? -0.08 : 0.06,
    );
  }
};

const flower: Subject = {
  name: 'flower',
  plural: 'flowers',
  kind: 'plant',
  scenes: ['meadow', 'table', 'forest'],
  variants: {
    white: { body: '#f7f4ee', accent: '#eab62e', trim: '#c98a1f' },
    pink: { body: '#e887a8', accent: '#f0cf55', trim: '#cf9a2a' },
    purple: { body: '#8c62b8', accent: '#f0cf55', trim: '#cf9a2a' },
  },
  draw(pen, random) {
    const count = random.integer(7, 10);
    pen('foliage', ribbon(curve([50, 36], [52, 64], [50, 95]), 4));
    pen('foliage', leaf([51, 82], [80, 64], 15));
    pen('foliage', leaf([51, 88], [22, 70], 15), -0.12);
    petals(pen, 50, 32, count, 19, 52 / count);
    pen('trim', ellipse(50, 32, 10));
    pen('accent', ellipse(50, 32, 8));
  },
};

const tulip: Subject = {
  name: 'tulip',
  plural: 'tulips',
  kind: 'plant',
  scenes: ['meadow', 'table', 'street'],
  variants: {
    red: { body: '#cf3a3c', trim: '#a82a30', accent: '#e36a5c' },
    yellow: { body: '#ecc33a', trim: '#cf9f26', accent: '#f6dc7a' },
    pink: { body: '#e17fa3', trim: '#c25f86', accent: '#f2aec5' },
  },
  draw(pen, random) {
    const lean = random.uniform(-4, 4);
    pen('foliage', ribbon(curve([50 + lean, 40], [51, 66], [50, 95]), 4));
    pen('foliage', leaf([50, 94], [80, 40], 15), -0.12);
    pen('foliage', leaf([50, 95], [22, 48], 15));
    const at = (x: number, y: number): Point => [50 + lean + x, y];
    pen('trim', [at(-13, 6), at(0, 18), at(13, 6), at(14, 34), at(-14, 34)]);
    pen('body', [
      ...curve(at(-20, 10), at(-23, 30), at(-12, 46), at(2, 48), at(4, 32)),
      at(-6, 20),
    ]);
    pen(
      'body',
      [...curve(at(20, 10), at(23, 30), at(12, 46), at(-2, 48), at(-4, 32)), at(6, 20)],
      -0.08,
    );
    pen('accent', [
      ...curve(at(0, 10), at(11, 26), at(9, 44), at(0, 49)),
      ...curve(at(0, 49), at(-9, 44), at(-11, 26), at(0, 10)),
    ]);
  },
};

const mushroom: Subject = {
  name: 'mushroom',
  plural: 'mushrooms',
  kind: 'plant',
  scenes: ['forest', 'meadow'],
  variants: {
    red: { body: '#c9362e', trim: '#9c2622', pale: '#f6f0e2', accent: '#e4d8bf' },
    brown: { body: '#96683e', trim: '#70491f', pale: '#efe2ca', accent: '#d9c5a0' },
  },
  draw(pen, random) {
    const cap = random.uniform(-6, 6);
    pen('pale', blob([40, 50], [60, 50], [61, 74], [66, 92], [50, 96], [34, 92], [39, 74]));
    pen('accent', blob([38, 60], [50, 63], [62, 60], [64, 67], [50, 71], [36, 67]));
    pen(
      'trim',
      blob([6, 50], [28, 56], [50, 57], [72, 56], [94, 50], [78, 62], [50, 65], [22, 62]),
    );
    pen(
      'body',
      blob(
        [4, 52],
        [12, 30],
        [32, 12 + cap],
        [50, 8 + cap],
        [68, 12 + cap],
        [88, 30],
        [96, 52],
        [72, 57],
        [50, 58],
        [28, 57],
      ),
    );
    for (const [x, y, r] of [
      [30, 32, 6],
      [52, 22, 7],
      [74, 36, 6.4],
      [50, 44, 5.6],
      [17, 46, 4],
      [86, 48, 3.6],
    ] as const)
      pen('pale', ellipse(x, y + cap / 3, r, r * 0.84));
  },
};

const apple: Subject = {
  name: 'apple',
  plural: 'apples',
  kind: 'plant',
  scenes: ['table', 'room', 'meadow'],
  variants: {
    red: { body: '#c5332e', trim: '#98241f', pale: '#f0a08c' },
    green: { body: '#82b342', trim: '#5f8c2c', pale: '#cfe59a' },
    yellow: { body: '#e8c23f', trim: '#c39a28', pale: '#f8eaa8' },
  },
  draw(pen, random) {
    const stem = random.uniform(-6, 8);
    pen(
      'body',
      blob(
        [50, 28],
        [68, 20],
        [90, 32],
        [93, 58],
        [78, 88],
        [60, 95],
        [50, 91],
        [40, 95],
        [22, 88],
        [7, 58],
        [10, 32],
        [32, 20],
      ),
    );
    pen('trim', blob([88, 38], [93, 58], [78, 88], [60, 95], [52, 91], [72, 82], [84, 60]));
    pen('pale', blob([20, 38], [28, 32], [26, 48], [19, 60], [15, 50]));
    pen('dark', blob([40, 25], [50, 31], [60, 25], [50, 27]));
    pen('wood', ribbon(curve([50, 30], [50, 16], [55 + stem, 3]), 5, 4));
    pen('foliage', leaf([51, 20], [84, 4], 17));
  },
};

const carrot: Subject = {
  name: 'carrot',
  plural: 'carrots',
  kind: 'plant',
  scenes: ['table', 'room'],
  variants: { orange: { body: '#e67f26', trim: '#c2611a', pale: '#f3aa5f' } },
  draw(pen, random) {
    const bend = random.uniform(-6, 6);
    for (const [x, y, w] of [
      [28, 8, 11],
      [72, 8, 11],
      [40, -4, 12],
      [60, -4, 12],
    ] as const)
      pen('foliage', leaf([50, 34], [x, y], w), x < 50 ? 0 : -0.14);
    pen('foliage', leaf([50, 34], [50, -2], 10), 0.14);
    pen(
      'body',
      blob([32, 36], [50, 30], [68, 36], [67, 54], [58, 78], [51 + bend, 97], [44, 78], [33, 54]),
    );
    pen('pale', blob([38, 38], [44, 37], [45, 62], [42, 66], [38, 54]));
    for (const [x, y, w] of [
      [54, 46, 12],
      [36, 58, 9],
      [50, 68, 9],
      [46, 80, 6],
    ] as const)
      pen('trim', ribbon(curve([x, y], [x + w / 2, y + 1.6], [x + w, y]), 1.8));
  },
};

const pineapple: Subject = {
  name: 'pineapple',
  plural: 'pineapples',
  kind: 'plant',
  scenes: ['table', 'beach', 'room'],
  variants: { yellow: { body: '#dca234', trim: '#a36f1e', accent: '#c78728', foliage: '#4b8a48' } },
  draw(pen, random) {
    const spread = random.uniform(0.85, 1.15);
    for (const [x, y] of [
      [-24, 14],
      [24, 14],
      [-14, 2],
      [14, 2],
      [0, -8],
    ] as const)
      pen('foliage', leaf([50, 40], [50 + x * spread, y], 12), x < 0 ? 0.08 : -0.1);
    pen('body', ellipse(50, 66, 25, 30));
    for (const k of [-36, -18, 0, 18, 36]) {
      const line = (slope: number) => {
        const inside: Point[] = [];
        for (let t = -40; t <= 40; t += 4) {
          const [x, y] = [50 + t * 0.7, 66 + k + slope * t * 0.75];
          if (((x - 50) / 25) ** 2 + ((y - 66) / 30) ** 2 < 0.97) inside.push([x, y]);
        }
        return inside;
      };
      for (const slope of [1, -1]) {
        const points = line(slope);
        if (points.length > 1) pen('trim', ribbon(points, 1.7));
      }
    }
  },
};

const strawberry: Subject = {
  name: 'strawberry',
  plural: 'strawberries',
  kind: 'plant',
  scenes: ['table', 'meadow'],
  variants: { red: { body: '#d2333b', trim: '#a8222e', pale: '#f8e08e' } },
  draw(pen, random) {
    const plump = random.uniform(-5, 4);
    pen('foliage', ribbon(curve([50, 22], [52, 12], [60, 4]), 4));
    pen(
      'body',
      blob(
        [50, 24],
        [74, 20],
        [90 + plump, 36],
        [82, 62],
        [64, 86],
        [50, 96],
        [36, 86],
        [18, 62],
        [10 - plump, 36],
        [26, 20],
      ),
    );
    pen('trim', blob([88 + plump, 38], [82, 62], [64, 86], [50, 96], [48, 92], [66, 74], [78, 52]));
    for (const [x, y] of [
      [28, 44],
      [46, 42],
      [64, 44],
      [36, 58],
      [56, 58],
      [74, 56],
      [46, 72],
      [62, 72],
      [52, 84],
      [20, 54],
    ] as const)
      pen('pale', ellipse(x, y, 2, 3));
    for (const [x, y] of [
      [14, 34],
      [30, 42],
      [50, 46],
      [70, 42],
      [86, 34],
    ] as const)
      pen('foliage', leaf([50, 20], [x, y], 14), x === 50 ? 0.1 : 0);
  },
};

export const plants = [
  tree,
  pine,
  palm,
  cactus,
  flower,
  tulip,
  mushroom,
  apple,
  carrot,
  pineapple,
  strawberry,
] as const;

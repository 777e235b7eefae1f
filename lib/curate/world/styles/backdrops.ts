import type { Part } from '../drawing.ts';
import { curve, ellipse, type Outline, type Point, rectangle } from '../outline.ts';
import { canvas } from '../svg.ts';
import type { StyleParameters } from './style.ts';

/** How far drawing goes beyond the edge, so that bent edges leave no gap. */
const margin = 8;
const far = canvas + margin;
const middle = canvas / 2;

/**
 * What a style puts behind every subject, as parts of the role `ground`, from the back to the
 * front. The first covers the whole canvas.
 */
export function backdropOf(parameters: StyleParameters): Part[] {
  const step = parameters.depth < 0.35 ? 0.12 : -0.1;
  const part = (outline: Outline, tone: number): Part => ({ role: 'ground', outline, tone });
  const whole = rectangle(-margin, -margin, canvas + 2 * margin, canvas + 2 * margin);
  const shapes = draw[parameters.backdrop](parameters);
  return [part(whole, 0), ...shapes.map(([outline, tones]) => part(outline, step * tones))];
}

/** An outline, and by how many steps it differs from what is behind all. */
type Shape = readonly [Outline, number];

const draw: Readonly<Record<StyleParameters['backdrop'], (style: StyleParameters) => Shape[]>> = {
  plain: () => [],
  disc: ({ scale }) => [[ellipse(middle, 62, 44 + 12 * scale), 1.4]],
  rays({ scale, angle }) {
    const count = 7 + Math.round(scale * 7);
    const at = (turn: number): Point => [
      middle + 110 * Math.cos((turn * Math.PI) / 180),
      68 + 110 * Math.sin((turn * Math.PI) / 180),
    ];
    return Array.from({ length: count }, (_, i) => {
      const turn = angle + (360 * i) / count;
      return [[[middle, 68], at(turn), at(turn + 180 / count)], 1.2];
    });
  },
  stripes({ scale, angle }) {
    const width = 7 + 9 * scale;
    const turn = (Math.round(angle / 45) * Math.PI) / 4;
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
    const at = (u: number, v: number): Point => [
      middle + u * cos - v * sin,
      middle + u * sin + v * cos,
    ];
    const count = Math.ceil(200 / width / 2);
    return Array.from({ length: count }, (_, i) => {
      const u = -100 + i * width * 2;
      return [[at(u, -100), at(u + width, -100), at(u + width, 100), at(u, 100)], 1];
    });
  },
  dots({ scale }) {
    const step = 13 + 9 * scale;
    const shapes: Shape[] = [];
    for (let row = 0; row * step < far + step; row++) {
      for (let x = (row % 2) * (step / 2); x < far; x += step) {
        shapes.push([ellipse(x, row * step, step * 0.24), 1.6]);
      }
    }
    return shapes;
  },
  checks({ scale }) {
    const step = 12 + 9 * scale;
    const shapes: Shape[] = [];
    for (let row = -1; row * step < far; row++) {
      for (let column = -1; column * step < far; column++) {
        if ((row + column) % 2 === 0) {
          shapes.push([rectangle(column * step, row * step, step, step), 0.9]);
        }
      }
    }
    return shapes;
  },
  hills: ({ angle }) => {
    const sway = (angle / 180 - 0.5) * 14;
    const down: readonly Point[] = [
      [far, far],
      [-margin, far],
    ];
    return [
      [ellipse(96 - sway, 30, 15), -2],
      [
        [...curve([-margin, 78], [22, 70 + sway], [64, 84], [104, 68 - sway], [far, 76]), ...down],
        1.2,
      ],
      [[...curve([-margin, 98], [32, 92 - sway], [84, 102], [far, 92]), ...down], 2.4],
    ];
  },
  waves({ scale }) {
    const step = 10 + 8 * scale;
    return Array.from({ length: Math.ceil(70 / step) }, (_, row) => {
      const y = 70 + row * step;
      const crest: Point[] = [];
      for (let x = -margin; x <= far; x += 2) {
        crest.push([x, y + Math.sin((x / step + (row % 2) * 0.5) * Math.PI) * step * 0.22]);
      }
      return [[...crest, [far, far], [-margin, far]], 0.7 * (row + 1)];
    });
  },
};

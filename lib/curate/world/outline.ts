/** A place on the canvas: x to the right, y downwards. */
export type Point = readonly [x: number, y: number];

/** A closed polygon: the last point is joined to the first. */
export type Outline = readonly Point[];

/** Points on an ellipse, turned clockwise by `turn` degrees. */
export function ellipse(x: number, y: number, rx: number, ry = rx, turn = 0): Outline {
  return arc(x, y, rx, ry, 0, 360, turn).slice(0, -1);
}

/** Points on an elliptic arc from one angle to another, in degrees, clockwise from the right. */
export function arc(
  x: number,
  y: number,
  rx: number,
  ry: number,
  from: number,
  to: number,
  turn = 0,
): Point[] {
  const steps = Math.max(6, Math.ceil((Math.abs(to - from) / 360) * (14 + Math.max(rx, ry) * 0.5)));
  const [cos, sin] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
  return Array.from({ length: steps + 1 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / steps) * Math.PI) / 180;
    const [u, v] = [rx * Math.cos(angle), ry * Math.sin(angle)];
    return [x + u * cos - v * sin, y + u * sin + v * cos];
  });
}

/** A rectangle by its upper left corner. */
export function rectangle(x: number, y: number, width: number, height: number): Outline {
  return [
    [x, y],
    [x + width, y],
    [x + width, y + height],
    [x, y + height],
  ];
}

/** A rectangle with round corners. */
export function rounded(
  x: number,
  y: number,
  width: number,
  height: number,
  radius: number,
): Outline {
  const r = Math.min(radius, width / 2, height / 2);
  const [right, bottom] = [x + width, y + height];
  return [
    ...arc(x + r, y + r, r, r, 180, 270),
    ...arc(right - r, y + r, r, r, 270, 360),
    ...arc(right - r, bottom - r, r, r, 0, 90),
    ...arc(x + r, bottom - r, r, r, 90, 180),
  ];
}

/** A smooth closed curve through points: a Catmull-Rom spline, centripetal enough not to loop. */
export function blob(...through: readonly Point[]): Outline {
  const at = (i: number) => through[(i + through.length) % through.length]!;
  return through.flatMap((_, i) => spline(at(i - 1), at(i), at(i + 1), at(i + 2)));
}

/** A smooth open curve through points. */
export function curve(...through: readonly Point[]): Point[] {
  const last = through.length - 1;
  const at = (i: number) => through[Math.min(Math.max(i, 0), last)]!;
  const points = through
    .slice(0, -1)
    .flatMap((_, i) => spline(at(i - 1), at(i), at(i + 1), at(i + 2)));
  return [...points, at(last)];
}

/** From `b` to `c`, without `c`. */
function spline(a: Point, b: Point, c: Point, d: Point): Point[] {
  const steps = Math.min(Math.max(Math.ceil(Math.hypot(c[0] - b[0], c[1] - b[1]) / 3), 2), 10);
  const axis = (k: 0 | 1, t: number) => {
    const [p, q, r, s] = [a[k], b[k], c[k], d[k]];
    const quadratic = 2 * p - 5 * q + 4 * r - s;
    const cubic = 3 * q - p - 3 * r + s;
    return 0.5 * (2 * q + (r - p) * t + quadratic * t * t + cubic * t ** 3);
  };
  return Array.from({ length: steps }, (_, i) => [axis(0, i / steps), axis(1, i / steps)]);
}

/**
 * The outline of a line as thick as told, its ends cut straight.
 *
 * @param width  at its beginning
 * @param end    width at its end, the same unless told
 */
export function ribbon(line: readonly Point[], width: number, end = width): Outline {
  const last = line.length - 1;
  const side = (sign: number) =>
    line.map((point, i): Point => {
      const [before, after] = [line[Math.max(i - 1, 0)]!, line[Math.min(i + 1, last)]!];
      const [dx, dy] = [after[0] - before[0], after[1] - before[1]];
      const half = (width + ((end - width) * i) / last) / 2 / (Math.hypot(dx, dy) || 1);
      return [point[0] - sign * dy * half, point[1] + sign * dx * half];
    });
  return [...side(1), ...side(-1).reverse()];
}

/** A star, or a gear with its tips cut: `tips` points at `outer`, as many between at `inner`. */
export function star(
  x: number,
  y: number,
  tips: number,
  outer: number,
  inner: number,
  turn = -90,
): Outline {
  return Array.from({ length: tips * 2 }, (_, i) => {
    const angle = ((turn + (180 * i) / tips) * Math.PI) / 180;
    const radius = i % 2 ? inner : outer;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  });
}

/** The smallest box around points. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The smallest box around outlines. */
export function boxOf(outlines: readonly Outline[]): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const outline of outlines) {
    for (const [x, y] of outline) {
      left = Math.min(left, x);
      top = Math.min(top, y);
      right = Math.max(right, x);
      bottom = Math.max(bottom, y);
    }
  }
  return { left, top, right, bottom };
}

/** Whether a point is inside, by the even-odd rule. */
export function contains(outline: Outline, [x, y]: Point): boolean {
  let inside = false;
  let [px, py] = outline[outline.length - 1]!;
  for (const [qx, qy] of outline) {
    if (qy > y !== py > y && x < ((px - qx) * (y - qy)) / (py - qy) + qx) inside = !inside;
    [px, py] = [qx, qy];
  }
  return inside;
}

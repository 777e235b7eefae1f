import { record, recordAll, wanted } from '../autograd/record.ts';
import { StylearError } from '../error.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Extents, extent, fromFront } from './shapes.ts';

/**
 * The elements `begin` to `end` of `x` along one axis.
 *
 * @param x      any shape, any dtype
 * @param begin  the first, 0 or more
 * @param end    one past the last, more than `begin`; without it to the end of the axis
 * @param axis   the first unless told; from the end when negative
 * @returns      as `x`, with `end - begin` elements along `axis`
 */
export function slice(x: Tensor, begin: number, end = Infinity, axis = 0): Tensor {
  const along = fromFront(x, axis);
  const y = copyOut(x, begin, Math.min(end, extent(x, along)), along);
  return record(y, [x], (dy) => {
    const dx = x.device.zeros(x.shape, x.dtype);
    copyIn(dx, dy, begin, along);
    return [dx];
  });
}

/**
 * `into` with `x` laid over it along one axis.
 *
 * @param into   any shape, any dtype
 * @param x      as `into`, with at most as many elements along `axis`
 * @param begin  where along `axis` the first element of `x` goes
 * @param axis   the first unless told; from the end when negative
 * @returns      like `into`
 */
export function place(into: Tensor, x: Tensor, begin: number, axis = 0): Tensor {
  const along = fromFront(into, axis);
  const y = copyOut(into, 0, extent(into, along), along);
  copyIn(y, x, begin, along);
  return record(y, [into, x], (dy) => {
    const kept = () => {
      const dinto = copyOut(dy, 0, extent(dy, along), along);
      copyIn(dinto, x.device.zeros(x.shape, x.dtype), begin, along);
      return dinto;
    };
    const end = begin + extent(x, along);
    return [
      wanted(into) ? kept() : undefined,
      wanted(x) ? copyOut(dy, begin, end, along) : undefined,
    ];
  });
}

/**
 * Tensors one after another along one axis.
 *
 * @param xs    at least one; extents agree except along `axis`, dtypes agree
 * @param axis  the first unless told; from the end when negative
 * @returns     as they are, with the sum of their extents along `axis`
 */
export function concat(xs: readonly Tensor[], axis = 0): Tensor {
  const [first] = xs;
  if (!first) {
    throw new StylearError('ERR_VALUE', 'concat: expected xs to be at least one tensor, got none');
  }
  const along = fromFront(first, axis);
  for (const x of xs) requireBeside(first, x, along);
  const begins = offsets(xs.map((x) => extent(x, along)));
  const y = first.device.tensor(withExtent(first.shape, along, begins.at(-1)!), first.dtype);
  xs.forEach((x, i) => {
    copyIn(y, x, begins[i]!, along);
  });
  return record(y, xs, (dy) =>
    xs.map((x, i) => (wanted(x) ? copyOut(dy, begins[i]!, begins[i + 1]!, along) : undefined)),
  );
}

/**
 * The opposite of `concat`: pieces of `x` along one axis.
 *
 * @param x      any shape, any dtype
 * @param parts  how many equal pieces, or the extent of each
 * @param axis   the last unless told; from the end when negative
 */
export function split(x: Tensor, parts: number | readonly number[], axis = -1): Tensor[] {
  const along = fromFront(x, axis);
  const whole = extent(x, along);
  const lengths = typeof parts === 'number' ? Array<number>(parts).fill(whole / parts) : [...parts];
  const begins = offsets(lengths);
  if (begins.at(-1) !== whole || !lengths.every(Number.isInteger)) {
    throw new StylearError(
      'ERR_VALUE',
      `split: expected parts to be a division of the ${whole} elements along axis ${along}, got ` +
        `${typeof parts === 'number' ? parts : `[${parts.join(', ')}]`}`,
    );
  }
  const ys = lengths.map((_, i) => copyOut(x, begins[i]!, begins[i + 1]!, along));
  recordAll(ys, [x], (dys) => {
    const complete = dys.every((dy) => dy !== undefined);
    const dx = complete ? x.like() : x.device.zeros(x.shape, x.dtype);
    dys.forEach((dy, i) => {
      if (dy) copyIn(dx, dy, begins[i]!, along);
    });
    return [dx];
  });
  return ys;
}

/**
 * Copies all of `x` into `y` along one axis, in place. No gradient is noted.
 *
 * @param y      any shape, any dtype
 * @param x      as `y`, with at most as many elements along `axis`
 * @param begin  where along `axis` of `y` the first element goes
 * @param axis   from the front
 */
export function copyIn(y: Tensor, x: Tensor, begin: number, axis = 0): void {
  const length = extent(x, axis);
  y.device.run('copy_slice', { x, y, axis, xBegin: 0, yBegin: begin, length });
}

function copyOut(x: Tensor, begin: number, end: number, axis: number): Tensor {
  const length = end - begin;
  const y = x.device.tensor(withExtent(x.shape, axis, Math.max(length, 1)), x.dtype);
  x.device.run('copy_slice', { x, y, axis, xBegin: begin, yBegin: 0, length });
  return y;
}

function requireBeside(first: Tensor, x: Tensor, axis: number): void {
  const isLike = withExtent(x.shape, axis, 1).join() === withExtent(first.shape, axis, 1).join();
  if (x.shape.length === first.shape.length && isLike) return;
  const expected = first.shape.map((extent, a) => (a === axis ? 'any' : extent)).join(', ');
  throw new StylearError(
    'ERR_SHAPE',
    `concat: expected xs to be of shape [${expected}], got [${x.shape.join(', ')}]`,
  );
}

/** The same shape with another extent along `axis`. */
const withExtent = (shape: Extents, axis: number, n: number): number[] =>
  shape.map((extent, a) => (a === axis ? n : extent));

/** Running sums of `lengths`, from 0 to the total. */
function offsets(lengths: readonly number[]): number[] {
  const begins = [0];
  for (const length of lengths) begins.push(begins.at(-1)! + length);
  return begins;
}

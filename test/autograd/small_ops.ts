// A few differentiable functions for the tests of this folder, so that they do not rest on lib/ops.

import type { Tensor } from '../../lib/index.ts';
import { record, recordAll } from '../../lib/index.ts';

export function multiply(x: Tensor, y: Tensor): Tensor {
  return record(product(x, y), [x, y], (dz) => [product(dz, y), product(dz, x)]);
}

function product(x: Tensor, y: Tensor): Tensor {
  const z = x.like();
  x.device.run('multiply', { x, y, z });
  return z;
}

export function add(x: Tensor, y: Tensor): Tensor {
  const z = x.like();
  x.device.run('add', { x, y, z, alpha: 1, beta: 1 });
  return record(z, [x, y], (dz) => [dz, dz]);
}

/** The sum of all elements, `[1]`. */
export function sum(x: Tensor): Tensor {
  const y = x.device.tensor([1]);
  x.device.run('sum_rows', { x, y, scale: 1 });
  return record(y, [x], (dy) => {
    const dx = x.device.full(x.shape, 1);
    x.device.run('multiply', { x: dx, y: dy, z: dx });
    return [dx];
  });
}

/** `x²` and `x³`, as one step with two results. */
export function powers(x: Tensor): { square: Tensor; cube: Tensor } {
  const square = product(x, x);
  const cube = product(square, x);
  recordAll([square, cube], [x], ([dsquare, dcube]) => {
    const scaled = (dy: Tensor, derivative: Tensor, factor: number) => {
      const dx = product(dy, derivative);
      x.device.run('add', { x: dx, z: dx, alpha: factor, beta: 0 });
      return dx;
    };
    const parts = [
      ...(dsquare ? [scaled(dsquare, x, 2)] : []),
      ...(dcube ? [scaled(dcube, square, 3)] : []),
    ];
    if (parts.length === 2)
      x.device.run('add', { x: parts[0]!, y: parts[1]!, z: parts[0]!, alpha: 1, beta: 1 });
    return [parts[0]];
  });
  return { square, cube };
}

import { record } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { extent } from './shapes.ts';

/**
 * Each pixel twice along both axes (nearest neighbour).
 *
 * @param x  `[images, height, width, channels]`, f32 or bf16
 * @returns  `[images, 2 height, 2 width, channels]`, dtype of `x`
 */
export function upsample(x: Tensor): Tensor {
  const y = x.device.tensor(
    [extent(x, 0), 2 * extent(x, 1), 2 * extent(x, 2), extent(x, 3)],
    x.dtype,
  );
  x.device.run('upsample', { x, y });
  return record(y, [x], (dy) => {
    const dx = x.like();
    x.device.run('upsample_backward', { dy, dx });
    return [dx];
  });
}

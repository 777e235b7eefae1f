import { add, scale, subtract } from '../ops/add.ts';
import { conv2d } from '../ops/conv2d.ts';
import { slice } from '../ops/copy_slice.ts';
import { multiply } from '../ops/multiply.ts';
import { mean } from '../ops/sum_rows.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { magnitude, squareRoot } from './magnitude.ts';

/**
 * Pixels a side of what is looked at as one piece of texture, and from one to the next. A window's mean is
 * that of the squares with sides of a stride in it, which its neighbours have too.
 */
const windowSide = 8;
const windowStride = 4;

/** How far the pixels are apart whose difference is taken. */
const distances = [1, 2] as const;

/** Below this a mean square counts as that of a plain surface: half a level of 8 bits, in [-1, 1]. */
const floor = (1 / 255) ** 2;

/**
 * How unlike the strength of texture is: the mean absolute difference of `sqrt(mean d²)`, over windows
 * of 8 x 8 pixels, of the differences `d` of pixels 1 and 2 apart to the right and down. Where a stroke
 * or a dot cannot be placed, blur is the best that differences of pixels know of, and the worst here (as
 * Gram matrices of filters have it: Gatys et al. 2016).
 *
 * @param seen    `[images, height, width, channels]`, f32, sides of at least 10; in [-1, 1], as `wanted`
 * @returns       `[1]`, f32
 */
export function textureLoss(seen: Tensor, wanted: Tensor): Tensor {
  const boxes = [windowStride, windowSide / windowStride].map((side) => meanOver(side, seen));
  const terms = distances.flatMap((distance) =>
    ([1, 2] as const).map((axis) => {
      const [a, b] = [seen, wanted].map((pixels) => strength(pixels, boxes, axis, distance));
      return mean(magnitude(subtract(a!, b!)));
    }),
  );
  return scale(
    terms.reduce((sum, term) => add(sum, term)),
    1 / terms.length,
  );
}

function strength(
  pixels: Tensor,
  [squares, windows]: readonly Tensor[],
  axis: 1 | 2,
  distance: number,
): Tensor {
  const { device } = pixels;
  const steps = subtract(
    slice(pixels, distance, undefined, axis),
    slice(pixels, 0, pixels.shape[axis]! - distance, axis),
  );
  const ofSquares = conv2d(multiply(steps, steps), squares!, { stride: windowStride });
  const means = conv2d(ofSquares, windows!);
  return squareRoot(add(means, device.full([1], floor)));
}

/** Kernels that take the mean over so many pixels a side, of every channel by itself. */
function meanOver(side: number, { device, shape }: Tensor): Tensor {
  const channels = shape[3]!;
  const weight = Float32Array.from({ length: (side * channels) ** 2 }, (_, i) => {
    const [from, to] = [i % channels, Math.floor(i / (side ** 2 * channels))];
    return from === to ? 1 / side ** 2 : 0;
  });
  return device.from(weight, [channels, side, side, channels]);
}

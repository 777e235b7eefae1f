// Pictures a strip of rows at a time. A 3 x 3 convolution needs one row more on either side of a
// strip, and rows of zeros where the picture ends.
import type { Conv2d } from '../nn/conv2d.ts';
import { concat, slice } from '../ops/copy_slice.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Rows of a picture: `begin` to one before `end`. */
export interface Rows {
  readonly begin: number;
  readonly end: number;
}

/** All rows of a picture, in strips of `rows`, the last perhaps lower. */
export function strips(height: number, rows: number): Rows[] {
  const count = Math.ceil(height / rows);
  return Array.from({ length: count }, (_, i) => ({
    begin: i * rows,
    end: Math.min((i + 1) * rows, height),
  }));
}

/** With `by` rows more on either side, where the picture has them. */
export const widened = ({ begin, end }: Rows, by: number, height: number): Rows => ({
  begin: Math.max(0, begin - by),
  end: Math.min(height, end + by),
});

/** One image of a batch, on the same memory: `[1, height, width, channels]`. */
export const imageOf = (x: Tensor, image: number): Tensor => x.slice(image, image + 1);

/** Rows of one image, on the same memory: `[1, rows, width, channels]`. */
export function rowsOf(x: Tensor, { begin, end }: Rows): Tensor {
  const [, , width, channels] = x.shape as [number, number, number, number];
  return x
    .reshape(x.shape.slice(1))
    .slice(begin, end)
    .reshape([1, end - begin, width, channels]);
}

/**
 * A 3 x 3 convolution of some rows of a picture.
 *
 * @param y       `[1, rows, width, outputs]`: takes the result; it may be the residual
 * @param around  `[1, ..., width, inputs]`: the same rows and those next to them in the picture
 * @param at      which rows `y` is
 * @param height  of the picture
 */
export function convolveRows(
  conv: Conv2d,
  y: Tensor,
  around: Tensor,
  at: Rows,
  height: number,
  residual?: Tensor,
): void {
  const padding = [Number(at.begin === 0), 1, Number(at.end === height), 1] as const;
  conv.into(y, around, { residual, padding });
}

/** As `convolveRows`, with a result of its own. */
export function convolvedRows(conv: Conv2d, around: Tensor, at: Rows, height: number): Tensor {
  const [, , width] = around.shape as [number, number, number];
  const y = around.device.tensor([1, at.end - at.begin, width, conv.weight.shape[0]!]);
  convolveRows(conv, y, around, at, height);
  return y;
}

/**
 * Calls `body` for every strip of a picture, which it may overwrite.
 *
 * @param picture  `[1, height, width, channels]`
 * @param rows     of a strip
 * @param by       how many rows around a strip `body` needs
 * @param body     is given the rows of the strip and a copy of these and of those around them, as
 *                 they were before any strip was overwritten
 */
export function overwriteStrips(
  picture: Tensor,
  rows: number,
  by: number,
  body: (at: Rows, around: Tensor) => void,
): void {
  const [, height] = picture.shape as [number, number];
  scope(() => {
    let above: Tensor | undefined;
    for (const at of strips(height, rows)) {
      const before = above;
      above = scope(() => {
        const rest = rowsOf(picture, { begin: at.begin, end: Math.min(height, at.end + by) });
        const around = concat(before ? [before, rest] : [rest], 1);
        before?.dispose();
        const first = Math.max(0, at.begin - by);
        const next = slice(around, Math.max(0, at.end - by) - first, at.end - first, 1);
        body(at, around);
        return next;
      });
    }
  });
}

/**
 * A 3 x 3 convolution of pictures in their own memory.
 *
 * @param x     `[images, height, width, channels]`, f32, as many channels as the convolution returns
 * @param rows  of a strip, of which copies are made
 */
export function convolveInPlace(conv: Conv2d, x: Tensor, rows: number): void {
  const [images, height] = x.shape as [number, number];
  for (let image = 0; image < images; image++)
    scope(() => {
      const picture = imageOf(x, image);
      overwriteStrips(picture, rows, 1, (at, around) =>
        convolveRows(conv, rowsOf(picture, at), around, at, height),
      );
    });
}

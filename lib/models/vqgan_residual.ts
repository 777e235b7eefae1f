import { Conv2d } from '../nn/conv2d.ts';
import { GroupNorm } from '../nn/norms.ts';
import {
  type ChannelAffine,
  joinStatistics,
  normStrip,
  stripStatistics,
} from '../ops/group_norm_strips.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Weights } from '../weights/weights.ts';
import type { Stage, StageRun } from './vqgan_stage.ts';
import {
  convolvedRows,
  convolveInPlace,
  convolveRows,
  overwriteStrips,
  type Rows,
  rowsOf,
  strips,
  widened,
} from './vqgan_strips.ts';

/** `x + conv(silu(norm(conv(silu(norm(x))))))`, with x through a 1 x 1 convolution where channels change. */
export class VqganResidual implements Stage {
  private readonly norm1: GroupNorm;
  private readonly conv1: Conv2d;
  private readonly norm2: GroupNorm;
  private readonly conv2: Conv2d;
  private readonly shortcut: Conv2d | undefined;

  /** @param w  has `norm1`, `conv1`, `norm2`, `conv2` and, where channels change, `nin_shortcut` */
  constructor(w: Weights, inputs: number, outputs: number, groups: number) {
    this.norm1 = new GroupNorm(w.at('norm1'), inputs, groups);
    this.conv1 = new Conv2d(w.at('conv1'), inputs, outputs, 3, { padding: 1 });
    this.norm2 = new GroupNorm(w.at('norm2'), outputs, groups);
    this.conv2 = new Conv2d(w.at('conv2'), outputs, outputs, 3, { padding: 1 });
    this.shortcut =
      inputs === outputs ? undefined : new Conv2d(w.at('nin_shortcut'), inputs, outputs, 1);
  }

  forward(x: Tensor): Tensor {
    const inner = this.conv1.forward(this.norm1.forward(x, true));
    const stream = this.shortcut?.forward(x) ?? x;
    return this.conv2.forward(this.norm2.forward(inner, true), stream);
  }

  consume(x: Tensor, { rows, again }: StageRun): Tensor {
    return again ? this.makeAgain(x, rows) : this.hold(x, rows);
  }

  /** Two maps: the stream, which takes the result, and the inner one, in which all else is done. */
  private hold(x: Tensor, rows: number): Tensor {
    const inner = scope(() => {
      const normed = this.norm1.forward(x, true);
      if (this.shortcut) return this.conv1.forward(normed);
      convolveInPlace(this.conv1, normed, rows);
      return normed;
    });
    this.norm2.into(inner, inner, true);
    const y = this.shortcut?.forward(x) ?? x;
    this.conv2.into(y, inner, { residual: y });
    inner.dispose();
    return y;
  }

  /** One map: strips of the inner one are made for its statistics, and again for what they give. */
  private makeAgain(x: Tensor, rows: number): Tensor {
    const [, height] = x.shape as [number, number];
    const y = this.shortcut?.forward(x) ?? x;
    scope(() => {
      const affine1 = affineOf(this.norm1, x, rows, (at) => rowsOf(x, at));
      const inner = (around: Tensor, at: Rows) =>
        scope(() => convolvedRows(this.conv1, normStrip(around, affine1, true), at, height));
      const affine2 = affineOf(this.norm2, x, rows, (at) =>
        inner(rowsOf(x, widened(at, 1, height)), at),
      );
      overwriteStrips(x, rows, 2, (at, around) => {
        const normed = normStrip(inner(around, widened(at, 1, height)), affine2, true);
        const target = rowsOf(y, at);
        convolveRows(this.conv2, target, normed, at, height, target);
      });
    });
    return y;
  }
}

/** The norm of a picture like `x` of which `strip` makes any rows. */
function affineOf(
  { settings, weight, bias }: GroupNorm,
  x: Tensor,
  rows: number,
  strip: (at: Rows) => Tensor,
): ChannelAffine {
  const [, height, width] = x.shape as [number, number, number];
  const all = strips(height, rows);
  const statistics = all.map((at) => scope(() => stripStatistics(strip(at), settings)));
  const pixels = all.map(({ begin, end }) => (end - begin) * width);
  return joinStatistics(statistics, pixels, weight, bias);
}

// The stages of a VQGAN, Esser et al. 2021 (after Ho et al. 2020).
import { Conv2d } from '../nn/conv2d.ts';
import { GroupNorm } from '../nn/norms.ts';
import { attention } from '../ops/attention.ts';
import { reshape } from '../ops/reshape.ts';
import { upsample } from '../ops/upsample.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Weights } from '../weights/weights.ts';
import type { VqganStageLayout } from './vqgan_layout.ts';
import { VqganResidual } from './vqgan_residual.ts';
import type { Stage, StageRun } from './vqgan_stage.ts';
import { convolveRows, imageOf, rowsOf, strips, widened } from './vqgan_strips.ts';

/**
 * The stage of a layout.
 *
 * @param groups  of channels that are normed together
 */
export function vqganStage(w: Weights, layout: VqganStageLayout, groups: number): Stage {
  const { kind, inputs, outputs } = layout;
  const at = w.at(layout.path);
  switch (kind) {
    case 'conv':
      return new Convolution(new Conv2d(at, inputs, outputs, 3, { padding: 1 }));
    case 'pointwise':
      return new Convolution(new Conv2d(at, inputs, outputs, 1));
    case 'down':
      // One row below and one column to the right, so that the side is halved.
      return new Convolution(
        new Conv2d(at, inputs, outputs, 3, { stride: 2, padding: [0, 0, 1, 1] }),
      );
    case 'residual':
      return new VqganResidual(at, inputs, outputs, groups);
    case 'attention':
      return new PixelAttention(at, inputs, groups);
    case 'up':
      return new Upsampling(at, inputs);
    case 'out':
      return new Output(at, inputs, outputs, groups);
  }
}

class Convolution implements Stage {
  private readonly conv: Conv2d;

  constructor(conv: Conv2d) {
    this.conv = conv;
  }

  forward(x: Tensor): Tensor {
    return this.conv.forward(x);
  }

  consume(x: Tensor): Tensor {
    return this.conv.forward(x);
  }
}

/** `x + W softmax(q kᵀ / sqrt(channels)) v`: every pixel looks at every other. */
class PixelAttention implements Stage {
  private readonly norm: GroupNorm;
  private readonly q: Conv2d;
  private readonly k: Conv2d;
  private readonly v: Conv2d;
  private readonly output: Conv2d;

  constructor(w: Weights, channels: number, groups: number) {
    const conv = (name: string) => new Conv2d(w.at(name), channels, channels, 1);
    this.norm = new GroupNorm(w.at('norm'), channels, groups);
    this.q = conv('q');
    this.k = conv('k');
    this.v = conv('v');
    this.output = conv('proj_out');
  }

  forward(x: Tensor): Tensor {
    return this.output.forward(this.attended(x), x);
  }

  consume(x: Tensor): Tensor {
    this.output.into(
      x,
      scope(() => this.attended(x)),
      { residual: x },
    );
    return x;
  }

  private attended(x: Tensor): Tensor {
    const [images, height, width, channels] = x.shape as [number, number, number, number];
    const normed = this.norm.forward(x);
    const pixels = (conv: Conv2d) =>
      reshape(conv.forward(normed), [images, height * width, 1, channels]);
    return reshape(attention(pixels(this.q), pixels(this.k), pixels(this.v)), x.shape);
  }
}

/** Each pixel twice along both axes, and a convolution. */
class Upsampling implements Stage {
  private readonly conv: Conv2d;

  constructor(w: Weights, channels: number) {
    this.conv = new Conv2d(w, channels, channels, 3, { padding: 1 });
  }

  forward(x: Tensor): Tensor {
    return this.conv.forward(upsample(x));
  }

  /** In strips, so that what is upsampled is never whole. */
  consume(x: Tensor, { rows }: StageRun): Tensor {
    const [images, height, width, channels] = x.shape as [number, number, number, number];
    const y = x.device.tensor([images, 2 * height, 2 * width, channels]);
    for (let image = 0; image < images; image++)
      for (const of of strips(height, Math.max(1, rows >> 1)))
        scope(() => {
          const at = { begin: 2 * of.begin, end: 2 * of.end };
          const source = widened(of, 1, height);
          const doubled = upsample(rowsOf(imageOf(x, image), source));
          // Of two rows more on either side one is needed.
          const { begin, end } = widened(at, 1, 2 * height);
          const around = rowsOf(doubled, {
            begin: begin - 2 * source.begin,
            end: end - 2 * source.begin,
          });
          convolveRows(this.conv, rowsOf(imageOf(y, image), at), around, at, 2 * height);
        });
    return y;
  }
}

/** What leaves the network: norm, `silu`, convolution. */
class Output implements Stage {
  private readonly norm: GroupNorm;
  private readonly conv: Conv2d;

  /** @param w  has `norm_out` and `conv_out` */
  constructor(w: Weights, inputs: number, outputs: number, groups: number) {
    this.norm = new GroupNorm(w.at('norm_out'), inputs, groups);
    this.conv = new Conv2d(w.at('conv_out'), inputs, outputs, 3, { padding: 1 });
  }

  forward(x: Tensor): Tensor {
    return this.conv.forward(this.norm.forward(x, true));
  }

  consume(x: Tensor): Tensor {
    this.norm.into(x, x, true);
    return this.conv.forward(x);
  }
}

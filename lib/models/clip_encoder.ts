// What the towers of CLIP for pictures and for texts share: a stack of pre-norm layers.
import { checkpoint } from '../autograd/checkpoint.ts';
import { Linear } from '../nn/linear.ts';
import { LayerNorm } from '../nn/norms.ts';
import { attention } from '../ops/attention.ts';
import { reshape } from '../ops/reshape.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Weights } from '../weights/weights.ts';
import type { ClipActivation, ClipTowerConfig } from './config/clip.ts';

/** Which tokens a token sees. */
export interface ClipMask {
  /** Only itself and those before it; all unless told. */
  readonly causal?: boolean | undefined;
  /** `[sequences]`, i32: only so many from the first; all unless told. */
  readonly lengths?: Tensor | undefined;
}

/** How far a tower of CLIP is run, and in how much memory. */
export interface ClipForwardOptions {
  /** How many layers to run; all unless told. */
  readonly depth?: number | undefined;
  /** Keep only the inputs of layers for the gradient, and compute each layer twice. */
  readonly checkpointed?: boolean | undefined;
}

/** The layers of a tower of CLIP. */
export class ClipEncoder {
  private readonly layers: readonly ClipLayer[];

  /** @param w  has `layers` */
  constructor(w: Weights, config: ClipTowerConfig) {
    this.layers = Array.from(
      { length: config.layers },
      (_, i) => new ClipLayer(w.at('layers').at(i), config),
    );
  }

  /**
   * The output of the last layer, or of the one at `depth`.
   *
   * @param x  `[sequences, tokens, width]`, f32
   * @returns  like `x`
   */
  forward(x: Tensor, mask: ClipMask, options: ClipForwardOptions = {}): Tensor {
    const { depth = this.layers.length, checkpointed = false } = options;
    let h = x;
    for (const layer of this.layers.slice(0, depth)) {
      const input = h;
      const run = () => layer.forward(input, mask);
      h = checkpointed ? checkpoint(run) : scope(run);
      if (input !== x) input.dispose();
    }
    return h;
  }

  /** `x` and the output of every layer, in order: one more than there are layers. */
  states(x: Tensor, mask: ClipMask): Tensor[] {
    const states = [x];
    for (const layer of this.layers) {
      states.push(scope(() => layer.forward(states.at(-1)!, mask)));
    }
    return states;
  }
}

/** `x + attention(norm1(x))`, then `x + mlp(norm2(x))`. */
class ClipLayer {
  private readonly norm1: LayerNorm;
  private readonly attention: ClipAttention;
  private readonly norm2: LayerNorm;
  private readonly fc1: Linear;
  private readonly fc2: Linear;
  private readonly activation: ClipActivation;

  constructor(w: Weights, config: ClipTowerConfig) {
    const { width, inner, normEps } = config;
    this.norm1 = new LayerNorm(w.at('layer_norm1'), [width], normEps);
    this.attention = new ClipAttention(w.at('self_attn'), config);
    this.norm2 = new LayerNorm(w.at('layer_norm2'), [width], normEps);
    const init = { normal: 1 / Math.sqrt(2 * width) };
    this.fc1 = new Linear(w.at('mlp').at('fc1'), width, inner, { init });
    this.fc2 = new Linear(w.at('mlp').at('fc2'), inner, width, { init: branchInit(config) });
    this.activation = config.activation;
  }

  forward(x: Tensor, mask: ClipMask): Tensor {
    const h = this.attention.forward(this.norm1.forward(x), mask, x);
    const inner = this.fc1.forward(this.norm2.forward(h), { function: this.activation });
    return this.fc2.forward(inner, { residual: h });
  }
}

class ClipAttention {
  private readonly q: Linear;
  private readonly k: Linear;
  private readonly v: Linear;
  private readonly out: Linear;
  private readonly heads: number;

  constructor(w: Weights, config: ClipTowerConfig) {
    const { width, heads } = config;
    const product = (name: string, normal: number) =>
      new Linear(w.at(name), width, width, { init: { normal } });
    this.q = product('q_proj', 1 / Math.sqrt(width));
    this.k = product('k_proj', 1 / Math.sqrt(width));
    this.v = product('v_proj', 1 / Math.sqrt(width));
    this.out = new Linear(w.at('out_proj'), width, width, { init: branchInit(config) });
    this.heads = heads;
  }

  /** @param residual  like `x`, added to what is returned */
  forward(x: Tensor, mask: ClipMask, residual: Tensor): Tensor {
    const [sequences, tokens, width] = x.shape as [number, number, number];
    const asHeads = (y: Tensor) => reshape(y, [sequences, tokens, this.heads, width / this.heads]);
    const y = attention(
      asHeads(this.q.forward(x)),
      asHeads(this.k.forward(x)),
      asHeads(this.v.forward(x)),
      mask,
    );
    return this.out.forward(reshape(y, x.shape), { residual });
  }
}

/** Of what is added to the stream: each layer adds twice, and the sum keeps its size. */
const branchInit = ({ width, layers }: ClipTowerConfig) => ({
  normal: 1 / Math.sqrt(2 * layers * width),
});

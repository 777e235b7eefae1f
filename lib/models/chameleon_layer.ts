import { Linear } from '../nn/linear.ts';
import { LayerNorm, RmsNorm } from '../nn/norms.ts';
import { add } from '../ops/add.ts';
import { attention } from '../ops/attention.ts';
import { concat, split } from '../ops/copy_slice.ts';
import { dropout } from '../ops/dropout.ts';
import { type PagedCache, pagedAttention } from '../ops/paged_attention.ts';
import { qkNormRopeCache } from '../ops/qk_norm_rope_cache.ts';
import { reshape } from '../ops/reshape.ts';
import { rope } from '../ops/rope.ts';
import { swiglu } from '../ops/swiglu.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Weights } from '../weights/weights.ts';
import type { CachedStep } from './kv_cache.ts';

/** The extents of a layer, and its constants. */
export interface ChameleonDims {
  /** Width of a token. */
  readonly dim: number;
  readonly heads: number;
  /** Divide the heads. */
  readonly kvHeads: number;
  readonly headDim: number;
  /** Width of the gated product. */
  readonly inner: number;
  /** Rows of the norms of queries and keys where there is no file; 1 unless told. */
  readonly modelParallelSize?: number | undefined;
  /** Added to the mean square in norms. */
  readonly normEps: number;
  /** The base of the angles of the rotary embedding. */
  readonly ropeTheta: number;
  /** Norm what a branch returns instead of what it is given. */
  readonly swinNorm: boolean;
}

/** Dropout of what the branches of layers add to the residual stream, in training. */
export interface BranchDropout {
  /** The share that is dropped, in [0, 1). */
  readonly p: number;
  /** `[layers * 2 * sequences, 2]`, i32: seeds for each layer, in it for each branch and sequence. */
  readonly seeds: Tensor;
}

/** A branch: what it adds to the residual stream, or, given the stream, the sum of both. */
type Branch = (x: Tensor, residual: Tensor | undefined) => Tensor;
type Drop = (added: Tensor) => Tensor;

/** Attention and gated product, each with its residual. */
export class ChameleonLayer {
  private readonly attention: ChameleonAttention;
  private readonly mlp: ChameleonMlp;
  private readonly attentionNorm: RmsNorm;
  private readonly mlpNorm: RmsNorm;
  private readonly swinNorm: boolean;

  constructor(w: Weights, dims: ChameleonDims) {
    this.attention = new ChameleonAttention(w.at('self_attn'), dims);
    this.mlp = new ChameleonMlp(w.at('mlp'), dims);
    this.attentionNorm = new RmsNorm(w.at('input_layernorm'), dims.dim, dims.normEps);
    this.mlpNorm = new RmsNorm(w.at('post_attention_layernorm'), dims.dim, dims.normEps);
    this.swinNorm = dims.swinNorm;
  }

  /**
   * @param x          `[sequences, tokens, dim]`
   * @param positions  `[sequences, tokens]`, i32
   * @param dropout    with the seeds of this layer, `[2 * sequences, 2]`
   */
  forward(x: Tensor, positions: Tensor, dropout?: BranchDropout): Tensor {
    const attend: Branch = (h, residual) => this.attention.forward(h, positions, residual);
    if (!dropout) return this.run(x, attend);
    const [sequences] = x.shape as [number];
    const drop = (branch: number) => (y: Tensor) => {
      const begin = branch * sequences;
      return dropSequences(y, dropout.seeds.slice(begin, begin + sequences), dropout.p);
    };
    return this.run(x, attend, [drop(0), drop(1)]);
  }

  /** @param x  `[sequences, tokens, dim]`, 1 to 64 tokens */
  decode(x: Tensor, cache: PagedCache, step: CachedStep): Tensor {
    return this.run(x, (h, residual) => this.attention.decode(h, cache, step, residual));
  }

  /** See `Chameleon.adaptable`. */
  adaptable(): Iterable<readonly [string, Linear]> {
    const { q, k, v, o } = this.attention;
    const named = Object.entries({ q_proj: q, k_proj: k, v_proj: v, o_proj: o });
    return [
      ...named.map(([name, linear]) => [`self_attn.${name}`, linear] as const),
      ['mlp.down_proj', this.mlp.down],
    ];
  }

  private run(x: Tensor, attend: Branch, [dropAttention, dropMlp]: readonly Drop[] = []): Tensor {
    const h = this.branch(x, this.attentionNorm, attend, dropAttention);
    return this.branch(h, this.mlpNorm, (y, residual) => this.mlp.forward(y, residual), dropMlp);
  }

  private branch(x: Tensor, norm: RmsNorm, branch: Branch, drop?: Drop): Tensor {
    if (!this.swinNorm && !drop) return branch(norm.forward(x), x);
    const added = this.swinNorm
      ? norm.forward(branch(x, undefined))
      : branch(norm.forward(x), undefined);
    return add(x, drop ? drop(added) : added);
  }
}

/**
 * Each sequence by its own seed, so that what is dropped of one depends on no other.
 *
 * @param x      `[sequences, ...]`
 * @param seeds  `[sequences, 2]`, i32
 */
function dropSequences(x: Tensor, seeds: Tensor, p: number): Tensor {
  const dropped = split(x, x.shape[0]!, 0).map((sequence, i) =>
    dropout(sequence, seeds.slice(i, i + 1).reshape([2]), { p }),
  );
  return concat(dropped);
}

class ChameleonAttention {
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly o: Linear;
  private readonly qNorm: LayerNorm;
  private readonly kNorm: LayerNorm;
  private readonly dims: ChameleonDims;

  constructor(w: Weights, dims: ChameleonDims) {
    const { dim, heads, kvHeads, headDim, modelParallelSize = 1 } = dims;
    const settings = { bias: false, init: { normal: 0.02 } };
    this.q = new Linear(w.at('q_proj'), dim, heads * headDim, settings);
    this.k = new Linear(w.at('k_proj'), dim, kvHeads * headDim, settings);
    this.v = new Linear(w.at('v_proj'), dim, kvHeads * headDim, settings);
    this.o = new Linear(w.at('o_proj'), heads * headDim, dim, settings);
    // Files have a row for all heads, one for each part of a model in parallel, or one for each head.
    const norm = (name: string, count: number) => {
      const rows = w.shapeOf(`${name}.weight`)?.[0] ?? modelParallelSize;
      return new LayerNorm(w.at(name), [count % rows === 0 ? rows : count, headDim]);
    };
    this.qNorm = norm('q_norm', heads);
    this.kNorm = norm('k_norm', kvHeads);
    this.dims = dims;
  }

  forward(x: Tensor, positions: Tensor, residual: Tensor | undefined): Tensor {
    const { ropeTheta: theta } = this.dims;
    const { q, k, v } = this.project(x);
    const y = attention(
      rope(this.qNorm.forward(q), positions, { theta }),
      rope(this.kNorm.forward(k), positions, { theta }),
      v,
      { causal: true },
    );
    return this.merge(y, residual);
  }

  decode(x: Tensor, cache: PagedCache, step: CachedStep, residual: Tensor | undefined): Tensor {
    const { q, k, v } = this.project(x);
    const { positions, cachePositions = positions } = step;
    const rotated = qkNormRopeCache(q, k, v, cache, {
      positions,
      cachePositions,
      theta: this.dims.ropeTheta,
      norm: {
        qWeight: this.qNorm.weight,
        qBias: this.qNorm.bias,
        kWeight: this.kNorm.weight,
        kBias: this.kNorm.bias,
      },
    });
    return this.merge(pagedAttention(rotated, cache, step.lengths), residual);
  }

  /** Queries, keys and values, `[sequences, tokens, heads, headDim]`. */
  private project(x: Tensor): { q: Tensor; k: Tensor; v: Tensor } {
    const { heads, kvHeads, headDim } = this.dims;
    const rows = x.shape.slice(0, -1);
    const asHeads = (y: Tensor, count: number) => reshape(y, [...rows, count, headDim]);
    return {
      q: asHeads(this.q.forward(x), heads),
      k: asHeads(this.k.forward(x), kvHeads),
      v: asHeads(this.v.forward(x), kvHeads),
    };
  }

  private merge(y: Tensor, residual: Tensor | undefined): Tensor {
    const { heads, headDim } = this.dims;
    return this.o.forward(reshape(y, [...y.shape.slice(0, -2), heads * headDim]), { residual });
  }
}

class ChameleonMlp {
  readonly down: Linear;
  private readonly gate: Linear;
  private readonly up: Linear;

  constructor(w: Weights, { dim, inner }: ChameleonDims) {
    const settings = { bias: false, init: { normal: 0.02 } };
    this.gate = new Linear(w.at('gate_proj'), dim, inner, settings);
    this.up = new Linear(w.at('up_proj'), dim, inner, settings);
    this.down = new Linear(w.at('down_proj'), inner, dim, settings);
  }

  forward(x: Tensor, residual: Tensor | undefined): Tensor {
    return this.down.forward(swiglu(this.gate.forward(x), this.up.forward(x)), { residual });
  }
}

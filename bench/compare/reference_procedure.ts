// The tokens of a picture as the released procedure draws them, with this package's ops: one token a
// pass, two passes a token that are not batched, caches that grow by concatenation, logits of the whole
// vocabulary in f32 and top-k over all of them (Lumina-mGPT's solver with a DynamicCache). Weights stay
// in the dtype of their files, to its advantage: it computes in f32 throughout.
import { performance } from 'node:perf_hooks';

import type { StyleAR } from '../../lib/generate/stylear.ts';
import type { TokenRequest } from '../../lib/generate/token_engine.ts';
import type { Tensor } from '../../lib/index.ts';
import {
  attention,
  concat,
  gather,
  keep,
  reshape,
  rope,
  sample,
  scope,
  swiglu,
} from '../../lib/index.ts';
import { Linear } from '../../lib/nn/linear.ts';
import { LayerNorm, RmsNorm } from '../../lib/nn/norms.ts';
import type { Weights } from '../../lib/weights/weights.ts';

/** Keys and values of one layer, `[1, tokens, kvHeads, headDim]`, f32. */
interface LayerCache {
  readonly k: Tensor;
  readonly v: Tensor;
}

/** One of the two sequences. */
interface Sequence {
  cache: readonly LayerCache[];
  length: number;
}

type Layer = (
  x: Tensor,
  positions: Tensor,
  cache: LayerCache | undefined,
) => LayerCache & { x: Tensor };

export interface ReferenceRun {
  readonly seconds: number;
  /** What it draws after each of the given tokens, the first one after the prompt. */
  readonly drawn: readonly number[];
}

export class ReferenceProcedure {
  private readonly stylear: StyleAR;
  private readonly layers: readonly Layer[];

  /** @param w  the transformer's weights, for what the model does not hand out */
  constructor(stylear: StyleAR, w: Weights) {
    this.stylear = stylear;
    const { shape } = stylear.preparation.model.chameleon;
    this.layers = Array.from({ length: shape.layers }, (_, i) => this.layerOf(w, i));
  }

  /**
   * Follows an answer that was drawn before.
   *
   * @param tokens  of the answer, a picture from its start on
   * @param legal   draw among the tokens that may stand in a place, to compare them; all, as the released
   *                procedure does before it masks them, unless told
   */
  async follow(
    request: TokenRequest,
    tokens: readonly number[],
    { legal = false }: { readonly legal?: boolean } = {},
  ): Promise<ReferenceRun> {
    const cond: Sequence = { cache: [], length: 0 };
    const uncond: Sequence = { cache: [], length: 0 };
    const drawn: number[] = [];
    const began = performance.now();
    // The start of a picture and its two sizes are drawn without guidance.
    for (let i = 0; i < tokens.length; i++) {
      const [c, style] = i === 0 ? [request.prompt, request.style] : [[tokens[i - 1]!], undefined];
      const u = i < 3 ? undefined : i === 3 ? tokens.slice(0, 3) : [tokens[i - 1]!];
      const token = scope(() => {
        const condLogits = this.pass(cond, c, style);
        const uncondLogits = u && this.pass(uncond, u, undefined);
        return this.draw(
          condLogits,
          uncondLogits,
          request,
          i,
          legal ? this.rangeOf(tokens[i]!) : undefined,
        );
      });
      drawn.push(((await token.read()) as Int32Array)[0]!);
      token.dispose();
    }
    const seconds = (performance.now() - began) / 1e3;
    for (const { k, v } of [...cond.cache, ...uncond.cache]) {
      k.dispose();
      v.dispose();
    }
    return { seconds, drawn };
  }

  /** Logits after the last token, `[1, vocabulary]`; what the sequence keeps is grown. */
  private pass(
    sequence: Sequence,
    tokens: readonly number[],
    style: TokenRequest['style'],
  ): Tensor {
    const { device, preparation } = this.stylear;
    const { chameleon } = preparation.model;
    const { length } = sequence;
    const shape = [1, tokens.length];
    const slots = style && tokens.map((_, place) => style.places.indexOf(place));
    let x = chameleon.embed(device.from(Int32Array.from(tokens), shape), {
      dtype: 'f32',
      ...(style ? { rows: style.rows, slots: device.from(Int32Array.from(slots!), shape) } : {}),
    });
    const positions = device.from(
      Int32Array.from(tokens, (_, i) => length + i),
      shape,
    );
    const grown = this.layers.map((layer, i) => {
      const { x: next, k, v } = layer(x, positions, sequence.cache[i]);
      x = next;
      return { k: keep(k), v: keep(v) };
    });
    for (const { k, v } of sequence.cache) {
      k.dispose();
      v.dispose();
    }
    sequence.cache = grown;
    sequence.length += tokens.length;
    const rows = reshape(chameleon.norm.forward(x), [tokens.length, chameleon.shape.dim]);
    return chameleon.head.forward(gather(rows, device.from(Int32Array.of(tokens.length - 1))));
  }

  private draw(
    logits: Tensor,
    uncond: Tensor | undefined,
    request: TokenRequest,
    position: number,
    range: readonly number[] = [0, this.stylear.preparation.vocabulary.size],
  ): Tensor {
    const { device } = this.stylear;
    const { guidance, temperature, topP, minP, imageTopK, seed } = request;
    const settings = [uncond ? guidance : 1, temperature, topP, minP];
    return sample(logits, {
      uncond,
      range: device.from(Int32Array.from(range), [1, 2]),
      topK: device.from(Int32Array.of(imageTopK)),
      settings: device.from(Float32Array.from(settings), [1, 4]),
      seeds: device.from(Int32Array.from(seed), [1, 2]),
      positions: device.from(Int32Array.of(position)),
    }).tokens;
  }

  /** Where a code stands, any code may; all else is forced, or a size that is followed. */
  private rangeOf(token: number): readonly number[] {
    const [begin, end] = this.stylear.preparation.vocabulary.codes;
    return token >= begin && token < end ? [begin, end] : [token, token + 1];
  }

  private layerOf(w: Weights, i: number): Layer {
    const { chameleon } = this.stylear.preparation.model;
    const {
      dim,
      heads,
      kvHeads,
      headDim,
      inner,
      normEps,
      ropeTheta: theta,
      swinNorm,
    } = chameleon.shape;
    if (swinNorm) throw new Error('the reference procedure is written for norms before branches');
    const at = w.at('model').at('layers').at(i);
    const adapted = new Map(chameleon.layers[i]!.adaptable());
    const linear = (name: string) => adapted.get(name)!;
    const headNorm = (name: string) => {
      const rows = at.shapeOf(`self_attn.${name}.weight`)?.[0] ?? 1;
      return new LayerNorm(at.at('self_attn').at(name), [rows, headDim]);
    };
    const [qNorm, kNorm] = [headNorm('q_norm'), headNorm('k_norm')];
    const attentionNorm = new RmsNorm(at.at('input_layernorm'), dim, normEps);
    const mlpNorm = new RmsNorm(at.at('post_attention_layernorm'), dim, normEps);
    const [gate, up] = ['gate_proj', 'up_proj'].map(
      (name) => new Linear(at.at('mlp').at(name), dim, inner, { bias: false }),
    ) as [Linear, Linear];
    return (x, positions, cache) => {
      const tokens = x.shape[1]!;
      const h = attentionNorm.forward(x);
      const asHeads = (name: string, count: number) =>
        reshape(linear(`self_attn.${name}`).forward(h), [1, tokens, count, headDim]);
      const q = rope(qNorm.forward(asHeads('q_proj', heads)), positions, { theta });
      const own = {
        k: rope(kNorm.forward(asHeads('k_proj', kvHeads)), positions, { theta }),
        v: asHeads('v_proj', kvHeads),
      };
      const k = cache ? concat([cache.k, own.k], 1) : own.k;
      const v = cache ? concat([cache.v, own.v], 1) : own.v;
      const y = reshape(attention(q, k, v, { causal: true }), [1, tokens, heads * headDim]);
      const residual = linear('self_attn.o_proj').forward(y, { residual: x });
      const m = mlpNorm.forward(residual);
      const gated = swiglu(gate.forward(m), up.forward(m));
      return { k, v, x: linear('mlp.down_proj').forward(gated, { residual }) };
    };
  }
}

// Low-rank adapters of the transformer, as StyleAR trains them: no scale, `y = x Wᵀ + (x A) B`.
import { StylearError } from '../error.ts';
import type { Linear } from '../nn/linear.ts';
import { add, scale } from '../ops/add.ts';
import { cast } from '../ops/cast.ts';
import { concat } from '../ops/copy_slice.ts';
import type { Lora } from '../ops/linear.ts';
import { matmul } from '../ops/matmul.ts';
import { dequantiseRows, type QuantisedRows, quantiseRows } from '../ops/quantise.ts';
import { keep } from '../tensor/lifetime.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Weights } from '../weights/weights.ts';
import type { Chameleon } from './chameleon.ts';

/** The rank of StyleAR's adapters. */
export const styleArRank = 4;

/** Side paths by the paths of the products that they belong to. */
export class LoraAdapter {
  readonly pairs: ReadonlyMap<string, Lora>;

  constructor(pairs: ReadonlyMap<string, Lora>) {
    this.pairs = pairs;
  }

  /**
   * The adapter of a file, or a fresh one, whose B is 0, so that it changes nothing yet. What else the
   * file holds is not looked at.
   *
   * @param w      the root: has `model.layers.0.self_attn.q_proj_lora.A` and the like
   * @param model  whose products it adapts: q, k, v, o and down projections, and the head
   * @param rank   of a fresh one
   */
  static of(w: Weights, model: Chameleon, rank = styleArRank): LoraAdapter {
    const pairs = new Map<string, Lora>();
    for (const [path, linear] of model.adaptable()) {
      const at = w.at(loraPath(path));
      const columns = at.shapeOf('A')?.[1] ?? rank;
      const a = at.tensor('A', [linear.inputs, columns], { normal: 1 / Math.sqrt(columns) });
      const b = at.tensor('B', [columns, linear.outputs]);
      pairs.set(path, { a, b });
    }
    return new LoraAdapter(pairs);
  }

  /**
   * Several adapters as one, each times its weight: the ranks add up, the side path stays exact.
   *
   * @param parts  at least one; each has the same products
   */
  static mix(parts: readonly (readonly [LoraAdapter, number])[]): LoraAdapter {
    const [first] = parts;
    if (!first) {
      throw new StylearError(
        'ERR_VALUE',
        'LoraAdapter.mix: expected parts to be at least one, got none',
      );
    }
    const pairs = new Map<string, Lora>();
    for (const path of first[0].pairs.keys()) {
      const own = parts.map(([adapter, weight]) => ({ ...pairOf(adapter, path), weight }));
      const { a, b } = scope(() => ({
        a: concat(
          own.map(({ a }) => cast(a, 'f32')),
          1,
        ),
        b: concat(
          own.map(({ b, weight }) => scale(cast(b, 'f32'), weight)),
          0,
        ),
      }));
      pairs.set(path, { a: keep(a), b: keep(b) });
    }
    return new LoraAdapter(pairs);
  }

  /** Frees the tensors of a mixed adapter; those of a file belong to its `Weights`. */
  dispose(): void {
    for (const { a, b } of this.pairs.values()) {
      a.dispose();
      b.dispose();
    }
  }
}

/** Sets a model's adapter in place of the one before; undefined takes it away. */
export function applyLora(model: Chameleon, adapter: LoraAdapter | undefined): void {
  for (const [path, linear] of model.adaptable()) linear.lora = adapter && pairOf(adapter, path);
}

/**
 * Adds an adapter to the weights themselves, `W' = W + (A B)ᵀ`, so that it costs nothing any more.
 * Sums are made in f32 and stored as the weight is: in bf16 or 8 bits they round.
 *
 * @returns what takes it out again, and puts back the very weights that were there
 */
export function mergeLora(model: Chameleon, adapter: LoraAdapter): { undo(): void } {
  const before = new Map<Linear, Tensor | QuantisedRows>();
  for (const [path, linear] of model.adaptable()) {
    before.set(linear, linear.weight);
    linear.weight = merged(linear.weight, pairOf(adapter, path));
  }
  return {
    undo: () => {
      for (const [linear, weight] of before) {
        for (const tensor of tensorsOf(linear.weight)) tensor.dispose();
        linear.weight = weight;
      }
      before.clear();
    },
  };
}

function merged(weight: Tensor | QuantisedRows, { a, b }: Lora): Tensor | QuantisedRows {
  const sum = scope(() => {
    const delta = matmul(cast(b, 'f32'), cast(a, 'f32'), { transposeA: true, transposeB: true });
    if ('scale' in weight) return quantiseRows(add(dequantiseRows(weight, 'f32'), delta));
    const whole = add(cast(weight, 'f32'), delta);
    return weight.dtype === 'bf16' ? cast(whole, 'bf16') : whole;
  });
  for (const tensor of tensorsOf(sum)) keep(tensor);
  return sum;
}

const tensorsOf = (weight: Tensor | QuantisedRows): readonly Tensor[] =>
  'scale' in weight ? [weight.weight, weight.scale] : [weight];

function pairOf(adapter: LoraAdapter, path: string): Lora {
  const pair = adapter.pairs.get(path);
  if (pair) return pair;
  throw new StylearError('ERR_WEIGHTS', `lora: expected the adapter to have ${path}, got none`);
}

/** Where in a file the side path of a product is: `lm_head` has its own inside. */
const loraPath = (path: string): string =>
  path === 'lm_head' ? 'lm_head.lm_head_lora' : `${path}_lora`;

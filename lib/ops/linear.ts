import { record, wanted } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { add } from './add.ts';
import { type Float, floatOf } from './cast.ts';
import { matmul, matmulInto } from './matmul.ts';
import { type Pointwise, pointwise } from './pointwise.ts';
import { dequantiseRows, type QuantisedRows } from './quantise.ts';
import { asRows, extent, withLast } from './shapes.ts';
import { sumLike } from './sum_rows.ts';

/** A low-rank side path `x A B`, without a scale. Hu et al. 2021, eq. 3. */
export interface Lora {
  /** `[in, rank]`, f32 or bf16, rank at most 64. */
  readonly a: Tensor;
  /** `[rank, out]`, f32 or bf16. */
  readonly b: Tensor;
}

/** What is done to the product in the same call. */
export interface LinearOptions {
  /** `[out]`, dtype of `x` or f32. */
  readonly bias?: Tensor | undefined;
  /** Applied before the residual is added; none unless told. */
  readonly function?: Pointwise | undefined;
  /** Like the result, added last. */
  readonly residual?: Tensor | undefined;
  /** Added to the product before the function; its inner product `x A` is kept in f32. */
  readonly lora?: Lora | undefined;
  /** Of the result: f32, or the dtype of `x`, which is the default. */
  readonly dtype?: Float | undefined;
}

/**
 * `f(x Wᵀ + x A B + bias) + residual`, with `W` stored `[out, in]`. For up to 64 rows the bits of a
 * row do not depend on the rows beside it.
 *
 * Where `weight` is not wanted by a gradient, none is computed for it; a quantised one has none.
 *
 * @param x       `[..., in]`, f32 or bf16
 * @param weight  `[out, in]`, f32 or bf16, or 8-bit rows with their scales
 * @returns       `[..., out]`
 */
export function linear(
  x: Tensor,
  weight: Tensor | QuantisedRows,
  options: LinearOptions = {},
): Tensor {
  const { bias, function: f = 'none', residual, lora, dtype = floatOf(x) } = options;
  const dense = 'scale' in weight ? undefined : weight;
  const inputs = [x, dense, bias, lora?.a, lora?.b, residual];

  // The derivative of f needs what f was applied to, which the fused op does not keep.
  if (f !== 'none' && inputs.some(wanted)) {
    const inner = linear(x, weight, { bias, lora, dtype });
    const y = pointwise(inner, f);
    return residual ? add(y, residual) : y;
  }

  const stored = 'scale' in weight ? weight : { weight, scale: undefined };
  const y = x.device.tensor(withLast(x.shape, extent(stored.weight, 0)), dtype);
  const side = lora && downwards(x, lora.a);
  x.device.run('linear', {
    x,
    ...stored,
    bias,
    side: side?.reshape(withLast(x.shape, extent(side, -1))),
    sideWeight: lora?.b,
    residual,
    y,
    function: f,
  });
  return record(y, inputs, (dy) => {
    const rows = asRows(x);
    const drows = asRows(dy);
    const dside =
      lora && (wanted(x) || wanted(lora.a))
        ? matmul(drows, lora.b, { transposeB: true, dtype: 'f32' })
        : undefined;

    const dx = () => {
      const w = 'scale' in weight ? dequantiseRows(weight, floatOf(x)) : weight;
      const dx = x.like();
      const dxRows = asRows(dx);
      matmulInto(dxRows, drows, w);
      if (lora && dside) {
        matmulInto(dxRows, dside, lora.a, { transposeB: true, accumulate: true });
      }
      return dx;
    };
    const product = (a: Tensor, b: Tensor, like: Tensor) =>
      matmul(a, b, { transposeA: true, dtype: floatOf(like) });

    return [
      wanted(x) ? dx() : undefined,
      dense && wanted(dense) ? product(drows, rows, dense) : undefined,
      bias && wanted(bias) ? sumLike(dy, bias) : undefined,
      lora && dside && wanted(lora.a) ? product(rows, dside, lora.a) : undefined,
      lora && side && wanted(lora.b) ? product(side, drows, lora.b) : undefined,
      dy,
    ];
  });
}

/** `x A`, in f32 and without a note of its own: `linear` differentiates the whole path. */
function downwards(x: Tensor, a: Tensor): Tensor {
  const rows = asRows(x);
  const side = x.device.tensor([extent(rows, 0), extent(a, -1)], 'f32');
  matmulInto(side, rows, a);
  return side;
}

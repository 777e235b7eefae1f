import { record, wanted } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Float, floatOf } from './cast.ts';
import { extent } from './shapes.ts';

/** How the operands are given, and what becomes of the product. */
export interface MatmulOptions {
  /** `a` is given as `[k, m]`; false unless told. */
  readonly transposeA?: boolean | undefined;
  /** `b` is given as `[n, k]`; false unless told. */
  readonly transposeB?: boolean | undefined;
  /** Multiplies the product; 1 unless told. */
  readonly alpha?: number | undefined;
  /** Of the result: f32 or bf16; the dtype of `a` unless told. */
  readonly dtype?: Float | undefined;
}

/**
 * `alpha * a b`. Summed in f32 in an order that depends on the shape alone.
 *
 * @param a  `[m, k]`, f32 or bf16
 * @param b  `[k, n]`, f32 or bf16
 * @returns  `[m, n]`
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, alpha = 1, dtype = floatOf(a) } = options;
  const m = extent(a, transposeA ? 1 : 0);
  const n = extent(b, transposeB ? 0 : 1);
  const c = a.device.tensor([m, n], dtype);
  matmulInto(c, a, b, { transposeA, transposeB, alpha });
  return record(c, [a, b], (dc) => {
    const ofA = { alpha, dtype: floatOf(a) };
    const ofB = { alpha, dtype: floatOf(b) };
    const da = () =>
      transposeA
        ? matmul(b, dc, { ...ofA, transposeA: transposeB, transposeB: true })
        : matmul(dc, b, { ...ofA, transposeB: !transposeB });
    const db = () =>
      transposeB
        ? matmul(dc, a, { ...ofB, transposeA: true, transposeB: transposeA })
        : matmul(a, dc, { ...ofB, transposeA: !transposeA });
    return [wanted(a) ? da() : undefined, wanted(b) ? db() : undefined];
  });
}

/** As `matmul`, into `c` and without a note for gradients; added to what is there if `accumulate`. */
export function matmulInto(
  c: Tensor,
  a: Tensor,
  b: Tensor,
  options: Omit<MatmulOptions, 'dtype'> & { readonly accumulate?: boolean | undefined } = {},
): void {
  const { transposeA = false, transposeB = false, alpha = 1, accumulate = false } = options;
  c.device.run('matmul', { a, b, c, transposeA, transposeB, accumulate, alpha });
}

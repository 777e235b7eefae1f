// Layers of networks in float64, slowly. A matrix is its rows.
import { attend } from './attend.ts';

export type Rows = readonly Float64Array[];

/** `rows` of a flat array. */
export const rowsOf = (values: Float64Array, width: number): Rows =>
  Array.from({ length: values.length / width }, (_, i) =>
    values.subarray(i * width, (i + 1) * width),
  );

/** One after the other. */
export const flat = (rows: Rows): Float64Array =>
  Float64Array.from(rows.flatMap((row) => [...row]));

export const addRows = (a: Rows, b: Rows): Rows =>
  a.map((row, i) => row.map((value, j) => value + b[i]![j]!));

/** `x Wᵀ + bias`, `weight` being `[out, in]`. */
export const product = (x: Rows, weight: Float64Array, bias?: Float64Array): Rows =>
  x.map((row) =>
    Float64Array.from({ length: weight.length / row.length }, (_, o) => {
      let sum = bias?.[o] ?? 0;
      for (let i = 0; i < row.length; i++) sum += weight[o * row.length + i]! * row[i]!;
      return sum;
    }),
  );

export const norm = (x: Rows, weight: Float64Array, bias: Float64Array, eps = 1e-5): Rows =>
  x.map((row) => {
    const mean = row.reduce((a, b) => a + b) / row.length;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
    return row.map(
      (value, i) => ((value - mean) / Math.sqrt(variance + eps)) * weight[i]! + bias[i]!,
    );
  });

/**
 * Attention of heads side by side in the rows of `q`, `k` and `v`.
 *
 * @param sees  whether query `i` sees key `j`
 */
export function attentionOfHeads(
  q: Rows,
  k: Rows,
  v: Rows,
  heads: number,
  sees: (i: number, j: number) => boolean = () => true,
): Rows {
  const dim = q[0]!.length / heads;
  const head = (row: Float64Array, h: number) => row.subarray(h * dim, (h + 1) * dim);
  return q.map((row, i) => {
    const seen = (x: Rows, h: number) => x.filter((_, j) => sees(i, j)).map((one) => head(one, h));
    const y = new Float64Array(row.length);
    for (let h = 0; h < heads; h++)
      y.set(attend(head(row, h), seen(k, h), seen(v, h), dim ** -0.5), h * dim);
    return y;
  });
}

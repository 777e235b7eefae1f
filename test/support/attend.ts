/** One query against some keys in float64: `softmax(scale * q kᵀ) v`, zeros where there are no keys. */
export function attend(
  q: Float64Array,
  keys: readonly Float64Array[],
  values: readonly Float64Array[],
  scale: number,
): Float64Array {
  const scores = keys.map((k) => scale * k.reduce((sum, v, i) => sum + v * q[i]!, 0));
  const most = Math.max(...scores);
  const weights = scores.map((s) => Math.exp(s - most));
  const total = weights.reduce((a, b) => a + b, 0);
  const y = new Float64Array(q.length);
  values.forEach((v, j) => {
    for (let i = 0; i < y.length; i++) y[i]! += (weights[j]! / total) * v[i]!;
  });
  return y;
}

/** Vector `(s, t, h)` of `[sequences, tokens, heads, headDim]`. */
export function head(
  x: Float64Array,
  [, tokens, heads, dim]: readonly number[],
  s: number,
  t: number,
  h: number,
): Float64Array {
  const at = ((s * tokens! + t) * heads! + h) * dim!;
  return x.subarray(at, at + dim!);
}

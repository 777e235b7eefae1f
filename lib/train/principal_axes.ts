/** Where rows lie, and along which directions they vary most. */
export interface PrincipalAxes {
  /** `[width]` */
  readonly mean: Float64Array;
  /** Unit vectors `[width]`, the one along which rows vary most first. */
  readonly axes: readonly Float64Array[];
  /** How far rows vary along each: the standard deviation. */
  readonly deviations: readonly number[];
}

/**
 * The axes along which rows vary most (Pearson 1901).
 *
 * @param rows   `[count, width]`, row-major, at least one row
 * @param width  columns
 */
export function principalAxes(rows: Float32Array, width: number): PrincipalAxes {
  const count = rows.length / width;
  const mean = new Float64Array(width);
  rows.forEach((value, i) => {
    mean[i % width]! += value / count;
  });
  const covariance = Array.from({ length: width }, () => new Float64Array(width));
  const off = new Float64Array(width);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < width; i++) off[i] = rows[row * width + i]! - mean[i]!;
    for (let i = 0; i < width; i++)
      for (let j = 0; j < width; j++) covariance[i]![j]! += (off[i]! * off[j]!) / count;
  }
  const vectors = diagonalise(covariance);
  const order = vectors
    .map((_, i) => i)
    .sort((a, b) => covariance[b]![b]! - covariance[a]![a]! || a - b);
  return {
    mean,
    axes: order.map((i) => vectors[i]!),
    deviations: order.map((i) => Math.sqrt(Math.max(0, covariance[i]![i]!))),
  };
}

/** Sweeps over all pairs, after which what is left off the diagonal is rounding. */
const sweeps = 12;

/**
 * Makes a symmetric matrix diagonal by rotations (Jacobi 1846).
 *
 * @param matrix  written to
 * @returns       the eigenvectors, in the order of the diagonal
 */
function diagonalise(matrix: readonly Float64Array[]): Float64Array[] {
  const vectors = matrix.map((row, i) => Float64Array.from(row, (_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < sweeps; sweep++)
    for (let p = 0; p < matrix.length; p++)
      for (let q = p + 1; q < matrix.length; q++) {
        const beside = matrix[p]![q]!;
        if (beside === 0) continue;
        const ratio = (matrix[q]![q]! - matrix[p]![p]!) / (2 * beside);
        const tangent = Math.sign(ratio || 1) / (Math.abs(ratio) + Math.hypot(ratio, 1));
        const cosine = 1 / Math.hypot(tangent, 1);
        const sine = tangent * cosine;
        for (const row of matrix) rotate(row, row, p, q, cosine, sine);
        rotateRows(matrix[p]!, matrix[q]!, cosine, sine);
        rotateRows(vectors[p]!, vectors[q]!, cosine, sine);
      }
  return vectors;
}

/** Turns elements `p` of one row and `q` of another. */
function rotate(
  first: Float64Array,
  second: Float64Array,
  p: number,
  q: number,
  cosine: number,
  sine: number,
): void {
  const [x, y] = [first[p]!, second[q]!];
  first[p] = cosine * x - sine * y;
  second[q] = sine * x + cosine * y;
}

function rotateRows(first: Float64Array, second: Float64Array, cosine: number, sine: number): void {
  for (let i = 0; i < first.length; i++) rotate(first, second, i, i, cosine, sine);
}

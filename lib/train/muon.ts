import { StylearError } from '../error.ts';
import { add, addInto, scale } from '../ops/add.ts';
import { cast } from '../ops/cast.ts';
import { clipFactor, sumSquares } from '../ops/clip_factor.ts';
import { copyIn } from '../ops/copy_slice.ts';
import { l2Normalise } from '../ops/l2_normalise.ts';
import { matmul } from '../ops/matmul.ts';
import { multiply } from '../ops/multiply.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Rate and constants of one step of `muon`. */
export interface MuonOptions {
  /** `[1]`, f32: the learning rate. */
  readonly rate: Tensor;
  /** `[1]`, f32: multiplies the gradient, as clipping does. */
  readonly factor?: Tensor | undefined;
  /** Shape of the weight, bf16: receives a copy of the new weight. */
  readonly rounded?: Tensor | undefined;
  /** In [0, 1); 0.95 unless told. */
  readonly momentum?: number | undefined;
  /** Decoupled from the gradient, 0 or more; 0 unless told. */
  readonly decay?: number | undefined;
}

/** The size of a step's elements beside the rate: about that of Adam's (Liu et al. 2025, section 2.2). */
const stepSize = 0.2;

/**
 * One step of Muon in place: along the momentum with its singular values made equal (Jordan et al. 2024),
 * with Nesterov's look ahead and decoupled weight decay. The root mean square of what is added is
 * `0.2 * rate`, so that rates are about those of AdamW.
 *
 * @param weight  `[out, in]`, f32
 * @param grad    shape of `weight`, f32 or bf16
 * @param m       like `weight`, f32, read and written: mean of the gradients; zero before the first step
 */
export function muon(weight: Tensor, grad: Tensor, m: Tensor, options: MuonOptions): void {
  const { rate, factor, rounded, momentum = 0.95, decay = 0 } = options;
  requireThat(momentum >= 0 && momentum < 1, 'momentum to be in [0, 1)', momentum);
  requireThat(decay >= 0 && decay < Number.POSITIVE_INFINITY, 'decay to be 0 or more', decay);
  scope(() => {
    const wide = cast(grad, 'f32');
    const g = factor ? multiply(wide, factor) : wide;
    addInto(m, m, g, { alpha: momentum, beta: 1 - momentum });
    const direction = orthogonalised(add(m, g, { alpha: momentum, beta: 1 - momentum }));
    if (decay > 0) addInto(weight, weight, multiply(weight, rate), { beta: -decay });
    const size = stepSize * Math.sqrt(weight.count);
    addInto(weight, weight, multiply(direction, rate), { beta: -size });
    if (rounded) copyIn(rounded, cast(weight, 'bf16'), 0);
  });
}

function requireThat(holds: boolean, what: string, got: number): void {
  if (!holds) throw new StylearError('ERR_VALUE', `muon: expected ${what}, got ${got}`);
}

/** Of `a x + b x^3 + c x^5`, which takes what is in (0, 1] towards 1 (Jordan et al. 2024). */
const [a, b, c] = [3.4445, -4.775, 2.0315];
const iterations = 3;

/**
 * A matrix with the singular vectors of `x` and singular values that are about equal, of Frobenius norm 1;
 * 0 where `x` is. Newton and Schulz's iteration: each takes a matrix `X` with Gram matrix `G = X Xᵀ` to
 * `(a + b G + c G²) X`. Before the first, all values are brought below 1 by the root of the norm of `G`,
 * which is closer to the largest of them than the norm of `X`: three iterations do almost what five do
 * otherwise.
 *
 * @param x  `[out, in]`, f32
 */
export function orthogonalised(x: Tensor): Tensor {
  const [rows, columns, ...others] = x.shape;
  if (rows === undefined || columns === undefined || others.length > 0) {
    throw new StylearError(
      'ERR_VALUE',
      `orthogonalised: expected x to be [out, in], got [${x.shape.join(', ')}]`,
    );
  }
  // The smaller of the two Gram matrices is taken.
  const tall = rows > columns;
  let y = unit(x);
  let inverseNorm: Tensor | undefined;
  for (let i = 0; i < iterations; i++) {
    const product = matmul(y, y, { transposeA: tall, transposeB: !tall });
    // `y` itself keeps its scale, which is lost in the end.
    inverseNorm ??= scale(clipFactor(sumSquares([product]), { maxNorm: least }), 1 / least);
    const gram = multiply(product, inverseNorm);
    const factor = matmul(gram, gram, { alpha: c });
    addInto(factor, factor, gram, { beta: b });
    const next = tall ? matmul(y, factor) : matmul(factor, y);
    addInto(next, next, y, { beta: a });
    y = next;
  }
  return unit(y);
}

/** Below the norm of the Gram matrix of a matrix of norm 1, whose rank is less than a million. */
const least = 1e-3;

function unit(x: Tensor): Tensor {
  return l2Normalise(x.reshape([1, x.count])).reshape(x.shape);
}

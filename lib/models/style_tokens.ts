// From features of pictures to the vectors that the transformer reads in place of placeholders
// (StyleAR, arXiv 2505.19874). All of it in f32, whatever the transformer computes in.
import { StylearError } from '../error.ts';
import { add, scale } from '../ops/add.ts';
import { extent } from '../ops/shapes.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** How much of the features of the subject is taken away, where a call does not say. */
export const defaultSubtraction = 0.8;

/** The share of the reference as it is, where a call does not say. */
export const defaultResidualRatio = 0.2;

/**
 * Features of a reference with those of its subject taken away, token by token:
 * `reference - subtraction * subject`.
 *
 * @param reference  `[images, tokens, width]`, f32
 * @param subject    like `reference`: of the subject cut out
 * @returns          like `reference`
 */
export function withoutSubject(
  reference: Tensor,
  subject: Tensor,
  subtraction = defaultSubtraction,
): Tensor {
  requireShape('withoutSubject', 'subject', subject, reference.shape);
  return add(reference, subject, { beta: -subtraction });
}

/**
 * Style tokens of a reference with its subject faded:
 * `residualRatio * whole + (1 - residualRatio) * faded`.
 *
 * @param whole  `[images, queries, dim]`, f32: of the reference as it is
 * @param faded  like `whole`: of the reference without its subject
 * @returns      like `whole`
 */
export function blendStyle(
  whole: Tensor,
  faded: Tensor,
  residualRatio = defaultResidualRatio,
): Tensor {
  requireShape('blendStyle', 'faded', faded, whole.shape);
  return add(whole, faded, { alpha: residualRatio, beta: 1 - residualRatio });
}

/**
 * The style of several references at once: the sum of their style tokens, each times its weight.
 * With weights that sum to 1 it is as large as one of them.
 *
 * @param styles   at least one; shapes alike, f32
 * @param weights  as many
 * @returns        like each of `styles`
 */
export function mixStyles(styles: readonly Tensor[], weights: readonly number[]): Tensor {
  const [first, ...others] = styles;
  if (!first || styles.length !== weights.length) {
    throw new StylearError(
      'ERR_VALUE',
      `mixStyles: expected weights to be one for each of at least one style, got ` +
        `${weights.length} for ${styles.length}`,
    );
  }
  return scope(() => {
    let sum = scale(first, weights[0]!);
    for (const [i, style] of others.entries()) {
      requireShape('mixStyles', `style ${i + 1}`, style, first.shape);
      sum = add(sum, style, { beta: weights[i + 1]! });
    }
    return sum;
  });
}

/**
 * `style + strength * N(0, 1)`: what keeps the things in a reference from coming back. The noise of
 * an image depends on its seed alone, not on what else is in the batch.
 *
 * @param style     `[images, queries, dim]`, f32
 * @param seeds     `[images, 2]`, i32: low and high half of the seed of each image
 * @param strength  0 or more; 0.3 and 0.1 are used for styles of one reference, 0.1 with an image
 *                  that guides the layout
 * @returns         like `style`
 */
export function addStyleNoise(style: Tensor, seeds: Tensor, strength: number): Tensor {
  const images = extent(style, 0);
  requireShape('addStyleNoise', 'seeds', seeds, [images, 2]);
  return scope(() => {
    const noise = style.device.zeros(style.shape);
    for (let i = 0; i < images; i++) {
      const one = noise.slice(i, i + 1);
      const seed = seeds.slice(i, i + 1).reshape([2]);
      style.device.run('gaussian_noise', { x: one, seed, y: one, strength });
    }
    return add(style, noise);
  });
}

function requireShape(
  where: string,
  argument: string,
  got: Tensor,
  expected: readonly number[],
): void {
  if (got.shape.join() === expected.join()) return;
  throw new StylearError(
    'ERR_SHAPE',
    `${where}: expected ${argument} to be [${expected.join(', ')}], got [${got.shape.join(', ')}]`,
  );
}

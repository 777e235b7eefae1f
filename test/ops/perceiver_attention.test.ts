import { describe, test } from 'vitest';
import { perceiverAttention } from '../../lib/index.ts';
import { attend, head } from '../support/attend.ts';
import { input, ofSum } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
} from '../support/op_case.ts';

function formed(
  dtype: 'f32' | 'bf16',
  [images, queries, features, heads, dim]: readonly number[],
): OpCase {
  const n = { images: images!, queries: queries!, features: features!, heads: heads!, dim: dim! };
  const qShape = [n.images, n.queries, n.heads, n.dim];
  const segment = (tokens: number) => [n.images, tokens, 2, n.heads, n.dim];
  // Seen as [images, tokens, 2 * heads, headDim]: keys are the first heads of a token, values the rest.
  const keysOf = (x: Float64Array, tokens: number, s: number, h: number) =>
    Array.from({ length: tokens }, (_, t) => head(x, [0, tokens, 2 * n.heads, n.dim], s, t, h));
  const roundings = ofSum(n.dim) + 4 * Math.sqrt(n.features + n.queries);
  return {
    inputs: [
      input(qShape, 1, { dtype }),
      input(segment(n.features), 2, { dtype }),
      input(segment(n.queries), 3, { dtype }),
    ],
    op: (q, features, latents) => perceiverAttention(q!, features!, latents!),
    definition: (q, features, latents) => {
      const y = new Float64Array(q!.length);
      for (let s = 0; s < n.images; s++)
        for (let i = 0; i < n.queries; i++)
          for (let h = 0; h < n.heads; h++) {
            const both = (h: number) => [
              ...keysOf(features!, n.features, s, h),
              ...keysOf(latents!, n.queries, s, h),
            ];
            const row = attend(
              head(q!, qShape, s, i, h),
              both(h),
              both(h + n.heads),
              n.dim ** -0.5,
            );
            head(y, qShape, s, i, h).set(row);
          }
      return y;
    },
    // See attention.test.ts.
    roundings: dtype === 'bf16' ? 3 : roundings,
    gradientRoundings: dtype === 'bf16' ? 8 : 4 * roundings,
  };
}

onEveryDevice('perceiverAttention', (device) => {
  describe.each(['f32', 'bf16'] as const)('in %s', (dtype) => {
    test.each([
      [[1, 1, 1, 1, 1]],
      [[2, 3, 5, 2, 16]],
      [[1, 16, 33, 3, 64]],
      [[1, 7, 61, 2, 80]],
      [[1, 16, 257, 1, 64]], // the model's
      [[1, 2, 67, 1, 128]],
      [[1, 2, 3, 1, 256]],
    ])('is its definition with images, queries, features, heads, headDim %j', (extents) =>
      expectDefinition(device, formed(dtype, extents)),
    );

    test.each([[[1, 1, 1, 1, 1]], [[2, 3, 5, 2, 16]], [[1, 16, 33, 2, 64]], [[1, 5, 37, 1, 80]]])(
      'has the gradient of its definition on %j',
      (extents) => expectGradient(device, formed(dtype, extents)),
    );
  });

  test('refuses what does not fit', () => {
    const of = (...shape: number[]) => device.tensor(shape);
    expectRefusal(
      () => perceiverAttention(of(1, 2, 3, 8), of(1, 5, 3, 8), of(1, 2, 2, 3, 8)),
      'ERR_SHAPE',
      'perceiver_attention: expected kvFeatures to be [images, features, 2, heads, headDim], got [1, 5, 3, 8]',
    );
    expectRefusal(
      () => perceiverAttention(of(1, 2, 3, 8), of(1, 5, 2, 3, 8), of(1, 4, 2, 3, 8)),
      'ERR_SHAPE',
      'perceiver_attention: expected kvLatents to be [1, 2, 2, 3, 8], got [1, 4, 2, 3, 8]',
    );
    expectRefusal(
      () => perceiverAttention(of(1, 2, 1, 257), of(1, 5, 2, 1, 257), of(1, 2, 2, 1, 257)),
      'ERR_SHAPE',
      'perceiver_attention: expected q to be of headDim 256 at most, got [1, 2, 1, 257]',
    );
  });
});

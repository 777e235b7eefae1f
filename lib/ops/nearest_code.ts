import { record } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { embedding } from './embedding.ts';

/**
 * The code of each row: which row of `codebook` is nearest by squared distance, the lower of equals.
 * van den Oord et al. 2017, eq. 1.
 *
 * @param x         `[..., width]`, rank 2 at least, f32
 * @param codebook  `[count, width]`, f32
 * @returns         `[...]`, i32
 */
export function nearestCode(x: Tensor, codebook: Tensor): Tensor {
  const rows = x.shape.slice(0, -1);
  const codes = x.device.tensor(rows.length ? rows : [1], 'i32');
  x.device.run('nearest_code', { x, codebook, codes });
  return codes;
}

/**
 * `x` rounded to the nearest rows of `codebook`. Its gradient is passed straight through to `x`, and
 * none reaches the codebook. van den Oord et al. 2017, section 3.2.
 *
 * @param x         `[..., width]`, rank 2 at least, f32
 * @param codebook  `[count, width]`, f32
 * @returns         `values`, like `x`, and their `codes`, `[...]`, i32
 */
export function straightThrough(x: Tensor, codebook: Tensor): { values: Tensor; codes: Tensor } {
  const codes = nearestCode(x, codebook);
  const values = x.like();
  x.device.run('embedding', { table: codebook, ids: codes, y: values });
  record(values, [x], (dy) => [dy]);
  return { values, codes };
}

/**
 * What codes stand for: rows of the codebook.
 *
 * @param codes     `[...]`, i32 in [0, count)
 * @param codebook  `[count, width]`, f32 or bf16
 * @returns         `[..., width]`, dtype of `codebook`
 */
export const codeValues = (codes: Tensor, codebook: Tensor): Tensor => embedding(codebook, codes);

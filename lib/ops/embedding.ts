import { record, wanted } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Float } from './cast.ts';
import { extent } from './shapes.ts';

/** What stands in place of some vectors of the table, and the dtype of all. */
export interface EmbeddingOptions {
  /** `[count, width]`, dtype of the result: what overwrites some rows, as style tokens do. */
  readonly rows?: Tensor | undefined;
  /** Like `ids`, i32: -1, or which of `rows` stands here. Given exactly when `rows` is. */
  readonly slots?: Tensor | undefined;
  /** f32 or bf16; the dtype of `rows` where given, else of `table`. */
  readonly dtype?: Float | undefined;
}

/**
 * `table[ids[t]]`, or `rows[slots[t]]` where `slots[t]` is 0 or more.
 *
 * @param table  `[vocabulary, width]`, f32 or bf16
 * @param ids    `[...]`, i32 in [0, vocabulary); not looked at where a slot overwrites
 * @returns      `[..., width]`
 */
export function embedding(table: Tensor, ids: Tensor, options: EmbeddingOptions = {}): Tensor {
  const { rows, slots, dtype = rows?.dtype ?? table.dtype } = options;
  const y = table.device.tensor([...ids.shape, extent(table, -1)], dtype);
  table.device.run('embedding', { table, ids, rows, slots, y });
  return record(y, [table, rows], (dy) => {
    const dtable = wanted(table) ? table.like() : undefined;
    const drows = rows && wanted(rows) ? rows.like() : undefined;
    table.device.run('embedding_backward', { ids, slots, dy, dtable, drows });
    return [dtable, drows];
  });
}

/**
 * Rows of `table` by number: `table[ids[t]]`.
 *
 * @param table  `[count, width]`, f32 or bf16
 * @param ids    `[...]`, i32 in [0, count)
 * @returns      `[..., width]`, dtype of `table`
 */
export const gather = (table: Tensor, ids: Tensor): Tensor => embedding(table, ids);

import { type EmbeddingOptions, embedding } from '../ops/embedding.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Init } from '../weights/init.ts';
import type { Weights } from '../weights/weights.ts';

/** A table of vectors by number; see `embedding`. */
export class Embedding {
  /** `[count, width]` */
  readonly weight: Tensor;

  /** @param w  has `weight` */
  constructor(w: Weights, count: number, width: number, init: Init = { normal: 0.02 }) {
    this.weight = w.tensor('weight', [count, width], init);
  }

  /**
   * @param ids  `[...]`, i32 in [0, count)
   * @returns    `[..., width]`
   */
  forward(ids: Tensor, options: EmbeddingOptions = {}): Tensor {
    return embedding(this.weight, ids, options);
  }
}

import { Linear } from '../nn/linear.ts';
import { slice } from '../ops/copy_slice.ts';
import { linear } from '../ops/linear.ts';
import { keep } from '../tensor/lifetime.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Weights } from '../weights/weights.ts';

/** What a masked logit is: the smallest f32, which swallows whatever product is added to it. */
const smallest = -3.4028234663852886e38;

/** Logits of the vocabulary, always in f32. */
export class LmHead {
  readonly linear: Linear;
  /** `[vocabulary]`, f32: `smallest` where an id is masked. */
  private readonly mask: Tensor | undefined;

  /** @param maskedIds  whose logits are `smallest` */
  constructor(w: Weights, dim: number, vocabulary: number, maskedIds: readonly number[] = []) {
    this.linear = new Linear(w, dim, vocabulary, { bias: false, init: { normal: 0.02 } });
    if (maskedIds.length === 0) return;
    const mask = new Float32Array(vocabulary);
    for (const id of maskedIds) mask[id] = smallest;
    this.mask = keep(w.device.from(mask));
  }

  /**
   * @param hidden  `[..., dim]`, f32 or bf16
   * @returns       `[..., vocabulary]`, f32
   */
  forward(hidden: Tensor): Tensor {
    const { weight, lora } = this.linear;
    return linear(hidden, weight, { bias: this.mask, lora, dtype: 'f32' });
  }

  /**
   * The head of the ids `[begin, end)` alone, which reads no other rows of the weight. It has the
   * adapter that is set now, so it is to be made again after another is set; it has no gradient.
   *
   * @returns  a function like `forward` whose result is `[..., end - begin]`, and what frees it
   */
  restricted(begin: number, end: number): { forward(hidden: Tensor): Tensor; dispose(): void } {
    const { weight, lora } = this.linear;
    const own = scope(() => {
      const rows =
        'scale' in weight
          ? { weight: weight.weight.slice(begin, end), scale: weight.scale.slice(begin, end) }
          : weight.slice(begin, end);
      const side = lora && { a: lora.a, b: slice(lora.b, begin, end, 1) };
      return { rows, side, mask: this.mask?.slice(begin, end) };
    });
    const made = [
      own.side?.b,
      own.mask,
      ...('scale' in own.rows ? Object.values(own.rows) : [own.rows]),
    ];
    for (const tensor of made) if (tensor) keep(tensor);
    return {
      forward: (hidden) =>
        linear(hidden, own.rows, { bias: own.mask, lora: own.side, dtype: 'f32' }),
      dispose: () => {
        for (const tensor of made) tensor?.dispose();
      },
    };
  }

  /** Frees what is not in the file. */
  dispose(): void {
    this.mask?.dispose();
  }
}

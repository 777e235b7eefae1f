import { scope } from '../tensor/scope.ts';
import { Draws } from './draws.ts';
import type { Examples, Trainer } from './trainer.ts';

/**
 * The loss and the metrics of a trainer over examples that it is not trained on: means by what its
 * batches weigh. Noise, and what is left out of conditions, are drawn alike every time, so that figures
 * of two moments can be compared. Nothing that a training goes on with is changed.
 *
 * @param batchSize  at least 1
 * @returns          figures by name, such as `loss`
 */
export async function heldOutFigures<Example, Batch>(
  trainer: Trainer<Example, Batch>,
  examples: Examples<Example>,
  { batchSize, seed }: { readonly batchSize: number; readonly seed: number },
): Promise<Record<string, number>> {
  const draws = new Draws(seed, 0);
  const sums: Record<string, number> = {};
  let total = 0;
  for (let begin = 0; begin < examples.length; begin += batchSize) {
    const count = Math.min(batchSize, examples.length - begin);
    const batch = await Promise.all(
      Array.from({ length: count }, async (_, i) => examples.at(begin + i)),
    );
    const { figures, weight } = scope(() => {
      const { batch: prepared, weight } = trainer.prepare(batch, draws.from(begin));
      const { loss, metrics } = trainer.heldOutLoss?.(prepared) ?? trainer.loss(prepared);
      return { figures: { loss, ...metrics }, weight };
    });
    for (const [name, figure] of Object.entries(figures)) {
      const [value] = await figure.read();
      figure.dispose();
      sums[name] = (sums[name] ?? 0) + weight * value!;
    }
    total += weight;
  }
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / total]));
}

import { wanted } from '../autograd/record.ts';
import { StylearError } from '../error.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * Refuses a gradient through an op that has none, instead of leaving it out silently.
 *
 * @param op       its name
 * @param inputs   by argument
 * @param instead  what to call under a gradient
 */
export function inferenceOnly(
  op: string,
  inputs: Readonly<Record<string, Tensor>>,
  instead: string,
): void {
  const argument = Object.keys(inputs).find((name) => wanted(inputs[name]));
  if (argument === undefined) return;
  throw new StylearError(
    'ERR_VALUE',
    `${op}: expected ${argument} to be outside any gradient, got one that a gradient is taken of. ` +
      `Use ${instead} instead.`,
  );
}

import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, type Gradients } from './tape.ts';

/** Whether a gradient is being taken that reaches `tensor`. */
export function wanted(tensor: Tensor | undefined): boolean {
  return tensor !== undefined && (currentTape()?.wanted(tensor) ?? false);
}

/**
 * Notes how a step is differentiated, if a gradient is being taken and an input wants one; otherwise
 * it costs a test.
 *
 * @param y         what the step made
 * @param inputs    what it was made of; absent ones stay undefined
 * @param backward  from the gradient of `y` to those of the inputs, each like its input; undefined
 *                  where `wanted(input)` is false or the gradient is zero. It may return `dy` itself
 *                  but must not write to it.
 * @returns         `y`
 */
export function record(
  y: Tensor,
  inputs: readonly (Tensor | undefined)[],
  backward: (dy: Tensor) => Gradients,
): Tensor {
  recordAll([y], inputs, ([dy]) => backward(dy!));
  return y;
}

/**
 * The same for a step that made several tensors. `backward` is called when at least one of them has
 * a gradient; the others' are undefined.
 */
export function recordAll(
  ys: readonly Tensor[],
  inputs: readonly (Tensor | undefined)[],
  backward: (dys: Gradients) => Gradients,
): void {
  const tape = currentTape();
  if (!tape || tape.mode === 'walk' || !inputs.some(wanted)) return;
  for (const y of ys) tape.want(y);
  if (tape.mode === 'mark') return;
  tape.note(ys, (dys) => {
    const gradients = scope(() => backward(dys));
    return inputs.map((input, i) => [input, gradients[i]] as const);
  });
}

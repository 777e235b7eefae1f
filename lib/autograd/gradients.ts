import { StylearError } from '../error.ts';
import { withKeeper } from '../tensor/lifetime.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, Tape, withTape } from './tape.ts';

/**
 * The derivatives of a number with respect to tensors.
 *
 * @param forward  computes the number, a tensor of one element. What it makes is kept as long as it
 *                 is needed, whatever scope it was made in, and freed by the end.
 * @param wrt      what to differentiate by, f32 or bf16
 * @returns        one tensor like each of `wrt`; zeros where `forward` does not depend on it
 */
export function gradients(forward: () => Tensor, wrt: readonly Tensor[]): Tensor[] {
  return scope(() => valueAndGradients(forward, wrt).gradients);
}

/** {@link gradients} and the number itself. */
export function valueAndGradients(
  forward: () => Tensor,
  wrt: readonly Tensor[],
): { value: Tensor; gradients: Tensor[] } {
  if (currentTape()) {
    throw new StylearError(
      'ERR_VALUE',
      'gradients: expected no gradient to be running, got one. Second derivatives are not taken.',
    );
  }
  const tape = new Tape(wrt);
  return scope(() => {
    try {
      const value = withTape(tape, 'note', () => withKeeper(tape.keep, () => scope(forward)));
      if (value.count !== 1) {
        throw new StylearError(
          'ERR_SHAPE',
          `gradients: expected forward to return [1], got [${value.shape.join(', ')}]`,
        );
      }
      withTape(tape, 'walk', () => {
        if (tape.wanted(value)) tape.add(value, value.device.full(value.shape, 1, value.dtype));
        tape.walk();
      });
      const taken = new Map<Tensor, Tensor>();
      for (const tensor of wrt) {
        if (taken.has(tensor)) continue;
        taken.set(tensor, tape.take(tensor) ?? tensor.device.zeros(tensor.shape, tensor.dtype));
      }
      return { value, gradients: wrt.map((tensor) => taken.get(tensor)!) };
    } finally {
      tape.free();
    }
  });
}

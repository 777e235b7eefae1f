import { type ErrorCode, StylearError } from '../error.ts';
import { withKeeper } from '../tensor/lifetime.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, Tape, withTape } from './tape.ts';

/**
 * The derivatives of a number with respect to tensors.
 *
 * @param forward  computes the number, a tensor of one element. What it makes is kept as long as it
 *                 is needed, whatever scope it was made in, and freed by the end.
 * @param wrt      what to differentiate by, f32 or bf16, on the device of the number. Nothing that
 *                 `forward` computes with may be written to before the end.
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
  for (const tensor of wrt) requireDifferentiable(tensor);
  const tape = new Tape(wrt);
  return scope(() => {
    try {
      const value = withTape(tape, 'note', () => withKeeper(tape.keep, () => scope(forward)));
      const foreign = wrt.find(({ device }) => device !== value.device);
      if (foreign)
        throw wrong('ERR_DEVICE', `on ${value.device.name}, as the number is`, foreign.device.name);
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

function requireDifferentiable(tensor: Tensor): void {
  if (tensor.disposed) throw wrong('ERR_DISPOSED', 'live', 'one that was disposed of');
  if (tensor.dtype !== 'f32' && tensor.dtype !== 'bf16')
    throw wrong('ERR_DTYPE', 'f32 or bf16', tensor.dtype);
}

const wrong = (code: ErrorCode, expected: string, got: string): StylearError =>
  new StylearError(code, `gradients: expected tensors of wrt to be ${expected}, got ${got}`);

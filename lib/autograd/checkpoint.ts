import { withKeeper } from '../tensor/lifetime.ts';
import { scope } from '../tensor/scope.ts';
import { Tensor } from '../tensor/tensor.ts';
import { type Additions, currentTape, type Gradients, Tape, withTape } from './tape.ts';

/**
 * Runs `body` without keeping what it makes for the gradient; the walk back runs it again for that.
 *
 * @param body  makes one tensor or several of tensors and numbers that stay as they are. It must do
 *              the same both times.
 * @returns     what `body` returned
 */
export function checkpoint<T extends Tensor | readonly Tensor[]>(body: () => T): T {
  const tape = currentTape();
  if (tape?.mode !== 'note') return body();
  const y = withTape(tape, 'mark', () => withKeeper(undefined, () => scope(body)));
  const outputs = outputsOf(y);
  if (outputs.some((output) => tape.wanted(output)))
    tape.note(outputs, (doutputs) => rerun(tape, body, doutputs));
  return y;
}

/** Differentiates `body` on a tape of its own. @returns what comes out for tensors of `tape` */
function rerun(tape: Tape, body: () => Tensor | readonly Tensor[], doutputs: Gradients): Additions {
  const inner = new Tape([], tape);
  try {
    const outputs = withTape(inner, 'note', () =>
      withKeeper(inner.keep, () => outputsOf(scope(body))),
    );
    withTape(inner, 'walk', () => {
      outputs.forEach((output, i) => {
        const gradient = doutputs[i];
        // A view of its own, since the inner tape frees what it is given.
        if (gradient) inner.add(output, gradient.reshape(gradient.shape));
      });
      inner.walk();
    });
    return inner.remaining();
  } finally {
    inner.free();
  }
}

function outputsOf(made: Tensor | readonly Tensor[]): readonly Tensor[] {
  return made instanceof Tensor ? [made] : made;
}

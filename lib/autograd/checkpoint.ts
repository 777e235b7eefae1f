import { tensorsMade, withKeeper } from '../tensor/lifetime.ts';
import { scope } from '../tensor/scope.ts';
import { Tensor } from '../tensor/tensor.ts';
import { currentTape, type Gradients, Tape, withTape } from './tape.ts';

/**
 * Runs `body` without keeping what it makes for the gradient; the walk back runs it again for that.
 *
 * @param body  makes one tensor, or several, of tensors and numbers that stay as they are. It must
 *              do the same both times.
 * @returns     what `body` returned
 */
export function checkpoint<T extends Tensor | readonly Tensor[]>(body: () => T): T {
  const tape = currentTape();
  if (tape?.mode !== 'note') return body();
  const madeBefore = tensorsMade();
  const y = withTape(tape, 'mark', () => withKeeper(undefined, () => scope(body)));
  const outputs = madeSince(madeBefore, y);
  if (outputs.some((output) => tape.wanted(output)))
    tape.note(outputs, (doutputs) => rerun(tape, body, doutputs));
  return y;
}

/**
 * Differentiates `body` on a tape of its own, from which the gradients of what was made before it
 * are added to `tape` at once: in the order in which they would have been without a checkpoint.
 */
function rerun(
  tape: Tape,
  body: () => Tensor | readonly Tensor[],
  doutputs: Gradients,
): readonly [] {
  const inner = new Tape([], tape);
  const madeBefore = tensorsMade();
  try {
    const outputs = withTape(inner, 'note', () =>
      withKeeper(inner.keep, () => madeSince(madeBefore, scope(body))),
    );
    withTape(inner, 'walk', () => {
      outputs.forEach((output, i) => {
        const gradient = doutputs[i];
        // A view, since the inner tape frees what it holds.
        if (gradient) inner.add(output, gradient.reshape(gradient.shape));
      });
      inner.walk();
    });
    for (const output of outputs) output.dispose();
  } finally {
    inner.free();
  }
  return [];
}

/**
 * Those of the returned tensors that are new, each once: it has one gradient however often it is
 * returned. The others' gradients do not pass through here.
 */
function madeSince(madeBefore: number, returned: Tensor | readonly Tensor[]): readonly Tensor[] {
  const tensors = new Set(returned instanceof Tensor ? [returned] : returned);
  return [...tensors].filter((tensor) => tensor.made > madeBefore);
}

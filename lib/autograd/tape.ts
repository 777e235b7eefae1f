// The notes of a running gradient: which steps were taken, and how each is differentiated.
import { StylearError } from '../error.ts';
import { tensorsMade } from '../tensor/lifetime.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Gradients, one per input; undefined where none is wanted or it is zero. */
export type Gradients = readonly (Tensor | undefined)[];

/** Tensors, each with a gradient for it. */
export type Additions = readonly (readonly [Tensor | undefined, Tensor | undefined])[];

interface Note {
  readonly outputs: readonly Tensor[];
  /** Leaves nothing behind but what it returns. */
  readonly backward: (doutputs: Gradients) => Additions;
  /** How many tensors had been made by then: the note refers to none that came later. */
  readonly madeBefore: number;
}

/**
 * What `record` does on a tape: `note` it, only `mark` its outputs as wanted (what `checkpoint` does
 * on its first run), or nothing, since this is the walk back.
 */
export type TapeMode = 'note' | 'mark' | 'walk';

/** The notes of one gradient: what was computed while it ran, walked back afterwards. */
export class Tape {
  mode: TapeMode = 'note';
  private readonly notes: Note[] = [];
  private readonly wants: WeakSet<Tensor>;
  private readonly parent: Tape | undefined;
  /** Tensors that were to be freed while notes may refer to them. */
  private readonly kept: Tensor[] = [];
  private readonly gradients = new Map<Tensor, Tensor>();
  /** How many of `gradients`, of this tape and of those it lies in, are the same tensor. */
  private readonly holders: Map<Tensor, number>;
  /** Gradients that were made here as sums, so that more may be added in place. */
  private readonly sums: WeakSet<Tensor>;

  /** @param parent  the tape that this one lies in: its wanted tensors are wanted here too */
  constructor(wrt: readonly Tensor[], parent?: Tape) {
    this.wants = new WeakSet(wrt);
    this.parent = parent;
    // A gradient may pass from one to the other, and is freed when neither has it.
    this.holders = parent?.holders ?? new Map();
    this.sums = parent?.sums ?? new WeakSet();
  }

  wanted(tensor: Tensor): boolean {
    return this.wants.has(tensor) || (this.parent?.wanted(tensor) ?? false);
  }

  want(tensor: Tensor): void {
    this.wants.add(tensor);
  }

  note(outputs: readonly Tensor[], backward: Note['backward']): void {
    this.notes.push({ outputs, backward, madeBefore: tensorsMade() });
  }

  readonly keep = (tensor: Tensor): void => {
    this.kept.push(tensor);
  };

  /** Adds to the gradient of a tensor. What was made before this tape belongs to its parent. */
  add(tensor: Tensor, gradient: Tensor): void {
    if (this.parent && !this.wants.has(tensor)) {
      this.parent.add(tensor, gradient);
      return;
    }
    const before = this.gradients.get(tensor);
    if (!before) {
      this.hold(tensor, gradient);
      return;
    }
    const sum = this.sums.has(before) ? before : before.like();
    const one = { alpha: 1, beta: 1 };
    before.device.run('add', { x: before, y: gradient, z: sum, ...one });
    if (sum === before) return;
    this.sums.add(sum);
    this.release(tensor);
    this.hold(tensor, sum);
  }

  /** Takes the gradient of a tensor away. */
  take(tensor: Tensor): Tensor | undefined {
    const gradient = this.gradients.get(tensor);
    if (gradient) this.gradients.delete(tensor);
    return gradient;
  }

  /** Runs the notes from last to first. Each is forgotten, and what only it referred to is freed. */
  walk(): void {
    this.kept.sort((a, b) => a.made - b.made);
    for (let note = this.notes.pop(); note; note = this.notes.pop()) {
      this.differentiate(note);
      this.free(this.notes.at(-1)?.madeBefore ?? 0);
    }
  }

  /** Frees what was kept and made after the first `made` tensors. */
  free(made = 0): void {
    while (this.kept.length > 0 && this.kept.at(-1)!.made > made) this.kept.pop()!.dispose();
  }

  private differentiate(note: Note): void {
    const doutputs = note.outputs.map((output) => this.gradients.get(output));
    if (doutputs.every((gradient) => gradient === undefined)) return;
    const additions = note.backward(doutputs);
    // Held before the outputs' are let go: a backward may hand one through.
    for (const [input, gradient] of additions)
      if (input && gradient && this.wanted(input)) this.add(input, this.checked(gradient, input));
    for (const output of new Set(note.outputs)) this.release(output);
    for (const [, gradient] of additions)
      if (gradient && !this.holders.has(gradient)) gradient.dispose();
  }

  private checked(gradient: Tensor, input: Tensor): Tensor {
    const fits =
      gradient.dtype === input.dtype && gradient.shape.join(', ') === input.shape.join(', ');
    if (fits) return gradient;
    throw new StylearError(
      'ERR_SHAPE',
      `record: expected the gradient to be [${input.shape.join(', ')}] ${input.dtype} like its ` +
        `input, got [${gradient.shape.join(', ')}] ${gradient.dtype}`,
    );
  }

  private hold(tensor: Tensor, gradient: Tensor): void {
    this.gradients.set(tensor, gradient);
    this.holders.set(gradient, (this.holders.get(gradient) ?? 0) + 1);
    if (this.holders.get(gradient) !== 1) this.sums.delete(gradient);
  }

  /** Lets go of a tensor's gradient, which is freed when nobody else holds it. */
  private release(tensor: Tensor): void {
    const gradient = this.take(tensor);
    if (!gradient) return;
    const others = this.holders.get(gradient)! - 1;
    if (others > 0) {
      this.holders.set(gradient, others);
    } else {
      this.holders.delete(gradient);
      gradient.dispose();
    }
  }
}

/** The tape of this JavaScript thread; undefined when no gradient is being taken. */
let current: Tape | undefined;

/** The tape of the innermost running gradient; undefined where none is taken. */
export function currentTape(): Tape | undefined {
  return current;
}

/** Runs `body` with `tape` as the current one, in the given mode. */
export function withTape<T>(tape: Tape, mode: TapeMode, body: () => T): T {
  const before = current;
  const modeBefore = tape.mode;
  current = tape;
  tape.mode = mode;
  try {
    return body();
  } finally {
    current = before;
    tape.mode = modeBefore;
  }
}

import type { Styliser } from '../styliser.ts';
import type { Candidates, Reference } from './candidates.ts';

/** A prompt in a style. */
export interface StylisedTask<Style> {
  readonly key: string;
  readonly style: Style;
  readonly prompt: string;
  /** What else the styliser draws from; see `StyliseRequest`. */
  readonly seed: number;
  /** The picture that stands for the style; the same object for all tasks of a style. */
  readonly reference: { readonly read: () => Promise<Reference> };
}

/**
 * Prompts in styles, as a styliser makes them.
 *
 * @param identity  of the tasks
 * @param size      pixels a side
 */
export function stylisedCandidates<Style>(
  styliser: Styliser<Style>,
  tasks: readonly StylisedTask<Style>[],
  { identity, size }: { readonly identity: string; readonly size: number },
): Candidates {
  // Tasks of one style stand side by side.
  let last: { readonly of: StylisedTask<Style>['reference']; readonly made: Promise<Reference> };
  return {
    length: tasks.length,
    identity: `${styliser.name} ${identity}`,
    async at(index) {
      const { key, style, prompt, seed, reference } = tasks[index]!;
      if (last?.of !== reference) last = { of: reference, made: reference.read() };
      const [picture, read] = await Promise.all([
        styliser.stylise({ style, prompt, seed, size }),
        last.made,
      ]);
      const known = { styliser: styliser.name, style, seed };
      return { key, caption: prompt, picture, style: known, reference: read };
    },
    [Symbol.dispose]() {},
  };
}

// The recipe of the paper with the picture world as the styliser: prompts x reference styles.
import { createHash } from 'node:crypto';
import { captionOf, drawContent, subjectOf } from '../world/content.ts';
import { drawStyleOf, isHeldOutPair, trainingSeed } from '../world/held_out.ts';
import type { Style } from '../world/styles/style.ts';
import { worldStyliser } from '../world/world_styliser.ts';
import type { Candidates } from './candidates.ts';
import { type StylisedTask, stylisedCandidates } from './stylised_candidates.ts';

/** Which styles and prompts of the world are joined. */
export interface WorldInStylesOptions {
  /** How many styles are drawn. */
  readonly styles: number;
  /** How many prompts are drawn, the same for each style; or these. */
  readonly prompts: number | readonly string[];
  /** Styles before the first one, 0 or more. */
  readonly first: number;
  /** Pixels a side of references. */
  readonly size: number;
}

/**
 * Every prompt in every style, style by style, but for the pairs of a subject and a family that training
 * never shows. The reference of a style shows another subject than most of its prompts do.
 *
 * Throws `ERR_INPUT` for a prompt that names no subject of the world.
 */
export function worldInStyles({ styles, prompts, first, size }: WorldInStylesOptions): Candidates {
  const asked = typeof prompts === 'number' ? drawPrompts(prompts) : prompts;
  const subjects = asked.map(subjectOf);
  const tasks = Array.from({ length: styles }, (_, i) => first + i).flatMap((number) => {
    const style = drawStyleOf('training', trainingSeed(number));
    const reference = referenceOf(style, number, size);
    return asked.flatMap((prompt, p): StylisedTask<Style>[] => {
      if (isHeldOutPair(subjects[p]!, style.family)) return [];
      const seed = trainingSeed(number * asked.length + p);
      return [{ key: `style-${number}-${p}`, style, prompt, seed, reference }];
    });
  });
  const identity = createHash('sha256').update(asked.join('\n')).digest('hex').slice(0, 16);
  return stylisedCandidates(worldStyliser, tasks, { identity, size });
}

function drawPrompts(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const seed = trainingSeed(i);
    return captionOf(drawContent(seed), seed);
  });
}

function referenceOf(style: Style, number: number, size: number): StylisedTask<Style>['reference'] {
  // Far from the seeds of tasks, so that none of them draws the reference itself. A subject in sixteen
  // is held out of a family: the search is short.
  let seed = 2 ** 45 + number;
  while (isHeldOutPair(drawContent(trainingSeed(seed)).subject, style.family)) seed += 1009;
  const content = { ...drawContent(trainingSeed(seed)), count: 1 };
  const prompt = captionOf(content, trainingSeed(seed));
  const request = { style, prompt, seed: trainingSeed(seed), size };
  return {
    read: async () => ({
      picture: await worldStyliser.stylise(request),
      subject: content.subject,
    }),
  };
}

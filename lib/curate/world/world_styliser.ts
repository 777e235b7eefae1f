import { z } from 'zod';
import { StylearError } from '../../error.ts';
import type { Picture } from '../../image/picture.ts';
import type { Styliser } from '../styliser.ts';
import { contentOf } from './content.ts';
import { harmonies } from './palette.ts';
import { render } from './render.ts';
import { families } from './styles/families.ts';
import { backdropNames, type Style } from './styles/style.ts';
import { drawStylised } from './stylised.ts';

/**
 * The picture world as a styliser: any prompt that names one of its subjects, in any of its styles.
 * Its pictures follow from style, prompt, seed and size alone; see `render`.
 */
export const worldStyliser: Styliser<Style> = {
  name: 'picture world',
  async stylise({ style, prompt, seed, size, signal }): Promise<Picture> {
    signal?.throwIfAborted();
    const drawing = drawStylised(parseStyle(style), contentOf(prompt), requireSeed(seed));
    return await render(drawing, size);
  },
};

const unit = z.number().min(0).max(1);
const styleSchema = z.strictObject({
  family: z.enum(families.map(({ name }) => name)),
  parameters: z.strictObject({
    hue: z.number().min(0).lt(360),
    harmony: z.enum(harmonies),
    chroma: unit,
    contrast: unit,
    depth: unit,
    weight: unit,
    wobble: unit,
    scale: unit,
    grain: unit,
    angle: z.number().min(0).lt(180),
    backdrop: z.enum(backdropNames),
  }),
});

/**
 * A style from outside, such as a file.
 *
 * @throws `ERR_INPUT` when it is not exactly a style
 */
export function parseStyle(value: unknown): Style {
  const parsed = styleSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = ['style', ...(issue?.path ?? [])].join('.');
  throw new StylearError(
    'ERR_INPUT',
    `parseStyle: expected ${place} to be as the picture world writes it, got ${issue?.message}`,
  );
}

function requireSeed(seed: number): number {
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new StylearError(
    'ERR_VALUE',
    `stylise: expected seed to be a whole number in [0, 2^53), got ${seed}`,
  );
}

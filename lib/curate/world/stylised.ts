import { StylearError } from '../../error.ts';
import { type Content, compose } from './content.ts';
import type { Part } from './drawing.ts';
import { paletteOf } from './palette.ts';
import { randomOf } from './random.ts';
import { backdropOf } from './styles/backdrops.ts';
import type { Family } from './styles/easel.ts';
import { families } from './styles/families.ts';
import type { Style } from './styles/style.ts';
import { Svg } from './svg.ts';

/**
 * A content in a style.
 *
 * @param seed  of pose, place and every stroke
 * @throws `ERR_VALUE` when there is no such family or subject
 */
export function drawStylised(style: Style, content: Content, seed: number): Svg {
  const svg = new Svg();
  familyNamed(style.family).paint({
    svg,
    parts: stylisedParts(content, seed),
    behind: backdropOf(style.parameters),
    palette: paletteOf(style.parameters),
    style: style.parameters,
    random: randomOf(seed, 'strokes'),
  });
  return svg;
}

/** What `drawStylised` paints of a content: where the subject is, whatever the style. */
export const stylisedParts = (content: Content, seed: number): Part[] =>
  compose(content, randomOf(seed, 'composition')).flat();

/** @throws `ERR_VALUE` when there is no family of that name */
export function familyNamed(name: string): Family {
  const family = families.find((family) => family.name === name);
  if (family) return family;
  throw new StylearError(
    'ERR_VALUE',
    `familyNamed: expected name to be that of a style family, got ${JSON.stringify(name)}. ` +
      'Take one of `families`',
  );
}

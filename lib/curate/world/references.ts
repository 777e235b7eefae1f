// The reference pictures that ship with the embedded model, none of whose styles it was trained on.
import { cutOut, onBackground } from '../../image/background.ts';
import type { Picture } from '../../image/picture.ts';
import { type Content, nounPhrase } from './content.ts';
import { evaluationSeed } from './held_out.ts';
import { render } from './render.ts';
import { drawStyle } from './styles/draw_style.ts';
import type { Style } from './styles/style.ts';
import { drawStylised, stylisedParts } from './stylised.ts';
import { path, Svg, sheet } from './svg.ts';

/** A picture that a style is taken from. */
export interface WorldReference {
  /** Such as `woodcut-fox`. */
  readonly name: string;
  readonly style: Style;
  readonly content: Content;
  /** What it shows. */
  readonly caption: string;
  /** Of mode RGB. */
  readonly picture: Picture;
  /** Its subject alone on white, of mode RGB. */
  readonly subject: Picture;
}

/**
 * Families, what each shows, and the evaluation's picture that has its parameters and strokes: four
 * known families with parameters that are held out, and two held-out families.
 */
const choices: readonly (readonly [family: string, subject: string, index: number])[] = [
  ['woodcut', 'fox', 8],
  ['stained glass', 'tulip', 11],
  ['watercolour', 'house', 4],
  ['neon', 'car', 2],
  ['pointillism', 'tree', 3],
  ['art deco', 'sailboat', 1],
];

/**
 * Draws the references.
 *
 * @param size  pixels a side; see `render`
 */
export async function* worldReferences(size: number): AsyncGenerator<WorldReference> {
  for (const [family, subject, index] of choices) {
    const seed = evaluationSeed(index);
    const style = drawStyle(seed, family);
    const content: Content = { subject, count: 1, size: 'middle' };
    const picture = await render(drawStylised(style, content, seed), size);
    yield {
      name: `${family}-${subject}`.replaceAll(' ', '-'),
      style,
      content,
      caption: nounPhrase(content),
      picture,
      subject: onBackground(cutOut(picture, await render(subjectMask(content, seed), size))),
    };
  }
}

/** White where the subject of a stylised drawing is, black around it. */
export function subjectMask(content: Content, seed: number): Svg {
  const outlines = stylisedParts(content, seed).map(({ outline }) => outline);
  return new Svg().add(
    sheet('#000000'),
    ...outlines.map((outline) => path([outline], { fill: '#ffffff' })),
  );
}

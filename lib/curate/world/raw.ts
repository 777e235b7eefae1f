import { gradient } from './brushes.ts';
import { type Colour, parseHex, shade } from './colour.ts';
import { type Content, compose, drawContent, nounPhrase } from './content.ts';
import type { NaturalColours, Part } from './drawing.ts';
import { blurred } from './filters.ts';
import { boxOf, ellipse } from './outline.ts';
import { type Random, randomOf } from './random.ts';
import type { SceneName } from './scenes/scene.ts';
import { scenes } from './scenes/scenes.ts';
import { subjectNamed } from './subjects/subjects.ts';
import { group, path, Svg, sheet } from './svg.ts';

/** A picture as a photograph would be: natural colours, plain shading, a subject in its place. */
export interface RawDrawing {
  readonly drawing: Svg;
  readonly content: Content;
  /** The word for its colour. */
  readonly colour: string;
  readonly scene: SceneName;
  /** Names the content, sometimes its colour, and the scene. */
  readonly caption: string;
}

/** What parts look like where a subject's variant does not say. */
const usual: NaturalColours = {
  body: '#8c8c8c',
  trim: '#6b6b6b',
  accent: '#c8453a',
  pale: '#eee8dc',
  dark: '#2b2b30',
  eye: '#1d1a1a',
  window: '#a9cfe2',
  foliage: '#4f8a3c',
  wood: '#7a5535',
  glow: '#ffdc7a',
  ground: '#b0b0b0',
};

/** The raw picture of a seed. */
export function drawRaw(seed: number, subject?: string): RawDrawing {
  const content = drawContent(seed, subject);
  const random = randomOf(seed, 'raw');
  const { variants, scenes: places, stance } = subjectNamed(content.subject);
  const colour = random.pick(Object.keys(variants));
  const scene = scenes[random.pick(places)];
  const drawing = new Svg();
  const { floor, shadow, front } = scene.paint(drawing, randomOf(seed, 'scene'));
  const light = { angle: random.uniform(35, 100), strength: random.uniform(0.14, 0.26) };
  const dim = scene.name === 'night' ? -0.22 : scene.name === 'underwater' ? -0.08 : 0;
  const natural = { ...usual, ...variants[colour] };
  for (const parts of compose(content, random, floor)) {
    if (shadow && stance !== 'flies') drawing.add(groundShadow(drawing, parts));
    drawing.add(...lit(drawing, parts, natural, light, dim));
  }
  front?.();
  drawing.add(sheet('#fff3d6', { opacity: random.uniform(0, 0.1) }));
  const caption = captionOf(content, colour, scene.where, randomOf(seed, 'raw caption'));
  return { drawing, content, colour, scene: scene.name, caption };
}

const templates: readonly ((noun: string, where: string) => string)[] = [
  (noun, where) => `${noun} ${where}`,
  (noun, where) => `a photo of ${noun} ${where}`,
  (noun, where) => `a photograph of ${noun} ${where}`,
  (noun, where) => `a photo that shows ${noun} ${where}`,
];

function captionOf(content: Content, colour: string, where: string, random: Random): string {
  const noun = nounPhrase(content, random.chance(0.5) ? colour : undefined);
  return random.pick(templates)(noun, where);
}

function groundShadow(drawing: Svg, parts: readonly Part[]): string {
  const { left, right, bottom } = boxOf(parts.map(({ outline }) => outline));
  const wide = (right - left) / 2;
  const shape = ellipse((left + right) / 2 + wide * 0.12, bottom - 1, wide * 0.98, 2 + wide * 0.07);
  const soft = { filter: blurred(drawing, 1.8), opacity: 0.42 };
  return group(soft, [path([shape], { fill: '#101018' })]);
}

/** Parts in their natural colours, from the light above to the shade below. */
function lit(
  drawing: Svg,
  parts: readonly Part[],
  natural: NaturalColours,
  { angle, strength }: { readonly angle: number; readonly strength: number },
  dim: number,
): string[] {
  const whole = parts.map(({ outline }) => outline);
  const paints = new Map<string, string>();
  return parts.map(({ role, outline, tone }) => {
    const key = `${role} ${tone}`;
    let fill = paints.get(key);
    if (fill === undefined) {
      const paint: Colour = shade(shade(parseHex(natural[role]!), tone), role === 'glow' ? 0 : dim);
      fill = gradient(drawing, whole, angle, [
        shade(paint, strength),
        paint,
        shade(paint, -strength * 1.3),
      ]);
      paints.set(key, fill);
    }
    return path([outline], { fill });
  });
}

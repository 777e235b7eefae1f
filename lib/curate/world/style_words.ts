import { randomOf } from './random.ts';
import type { Style } from './styles/style.ts';

/** Words for hues of OKLCH, each from its number of degrees up to the one above. */
const hueWords: readonly (readonly [number, string])[] = [
  [330, 'pink'],
  [285, 'purple'],
  [215, 'blue'],
  [170, 'teal'],
  [118, 'green'],
  [80, 'yellow'],
  [45, 'orange'],
  [15, 'red'],
  [0, 'pink'],
];

/** The word for a hue, in degrees. */
export function hueWord(hue: number): string {
  const turned = ((hue % 360) + 360) % 360;
  return hueWords.find(([from]) => turned >= from)![1];
}

const templates: readonly ((words: Words) => string)[] = [
  ({ family }) => `in the style of ${family}`,
  ({ family, hue }) => `in ${hue} ${family}`,
  ({ family, ground }) => `as ${family} on a ${ground} ground`,
  ({ family, hue, ground }) => `as ${family}, ${hue} on a ${ground} ground`,
];

interface Words {
  readonly family: string;
  readonly hue: string;
  readonly ground: string;
}

/** What a caption can say of a style: its family, and sometimes its first colour and its ground. */
export function styleWords({ family, parameters }: Style, seed: number): string {
  const { hue, depth } = parameters;
  const words = { family, hue: hueWord(hue), ground: depth < 0.35 ? 'dark' : 'light' };
  return randomOf(seed, 'style words').pick(templates)(words);
}

import { StylearError } from '../../error.ts';
import { type Part, partsOf, place } from './drawing.ts';
import { boxOf, type Point } from './outline.ts';
import { type Random, randomOf } from './random.ts';
import { subjectNamed, subjects } from './subjects/subjects.ts';
import { canvas } from './svg.ts';

/** What a picture shows, without how it is made. */
export interface Content {
  /** The name of a subject. */
  readonly subject: string;
  /** How many of it, 1 to 3. */
  readonly count: number;
  /** How much of the picture it fills, when a caption may say so. */
  readonly size: 'small' | 'middle' | 'large';
}

/** One of all contents: any subject as likely, mostly one of it, mostly of middle size. */
export function drawContent(seed: number, subject?: string): Content {
  const random = randomOf(seed, 'content');
  const name = random.pick(subjects).name;
  const [many, extent] = [random.uniform(0, 1), random.uniform(0, 1)];
  const count = many < 0.87 ? 1 : many < 0.96 ? 2 : 3;
  const size = count > 1 || extent < 0.8 ? 'middle' : extent < 0.88 ? 'small' : 'large';
  return { subject: subject ?? name, count, size };
}

const counts = ['one', 'two', 'three'] as const;

/** `a small cat`, `two dogs`; `an orange cat` with a colour. */
export function nounPhrase({ subject, count, size }: Content, colour?: string): string {
  const { name, plural } = subjectNamed(subject);
  const words = [size === 'middle' ? undefined : size, colour, count === 1 ? name : plural];
  const phrase = words.filter((word) => word !== undefined).join(' ');
  if (count > 1) return `${counts[count - 1]} ${phrase}`;
  return `${/^[aeiou]/.test(phrase) ? 'an' : 'a'} ${phrase}`;
}

/** Captions of pictures whose style is told by a reference: they name the content alone. */
const templates: readonly ((noun: string) => string)[] = [
  (noun) => noun,
  (noun) => `a picture of ${noun}`,
  (noun) => `an image of ${noun}`,
  (noun) => `a picture that shows ${noun}`,
];

/** A caption of a stylised picture: what it shows, nothing of how. */
export const captionOf = (content: Content, seed: number): string =>
  randomOf(seed, 'caption').pick(templates)(nounPhrase(content));

/** Names and plurals, the longest first, so that `pine tree` is found before `tree`. */
const nouns = subjects
  .flatMap(({ name, plural }) => [name, plural].map((noun) => ({ noun, name })))
  .sort((a, b) => b.noun.length - a.noun.length);
const nounPattern = new RegExp(`\\b(${nouns.map(({ noun }) => noun).join('|')})\\b`);
const nameOf = new Map(nouns.map(({ noun, name }) => [noun, name]));

/**
 * The subject that a caption or a prompt names: the first, if it names several.
 *
 * @throws `ERR_INPUT` when it names none
 */
export function subjectOf(caption: string): string {
  const found = nounPattern.exec(caption.toLowerCase().slice(0, 4096));
  if (found) return nameOf.get(found[1]!)!;
  throw new StylearError(
    'ERR_INPUT',
    `subjectOf: expected caption to name a subject, got ${JSON.stringify(caption.slice(0, 100))}. ` +
      `Name one of ${subjects.map(({ name }) => name).join(', ')}`,
  );
}

/**
 * What a prompt asks for. What it does not say is one of middle size.
 *
 * @throws `ERR_INPUT` when it names no subject
 */
export function contentOf(prompt: string): Content {
  const subject = subjectOf(prompt);
  const words = new Set(prompt.toLowerCase().slice(0, 4096).split(/\W+/));
  const { name, plural } = subjectNamed(subject);
  const told = counts.findIndex((word) => words.has(word));
  const several = plural !== name && prompt.toLowerCase().includes(plural);
  const count = told >= 0 ? told + 1 : several ? 2 : 1;
  const size = words.has('small') ? 'small' : words.has('large') ? 'large' : 'middle';
  return { subject, count, size: count > 1 ? 'middle' : size };
}

/** Where several of a subject stand: their middles, their sizes, and how far up. */
const rows = {
  2: { places: [34, 93], size: [53, 59] },
  3: { places: [22, 64, 106], size: [37, 40] },
} as const;
const sizes = { small: [52, 62], middle: [82, 102], large: [106, 116] } as const;

/**
 * The parts of a content, placed on the canvas of 128 x 128; those of each one lie together.
 *
 * @param floor  where it stands; without it, it is put into the middle of the canvas
 */
export function compose(content: Content, random: Random, floor?: number): Part[][] {
  const { draw, stance } = subjectNamed(content.subject);
  const { count } = content;
  const row = count === 2 || count === 3 ? rows[count] : undefined;
  const [least, most] = row ? row.size : sizes[content.size];
  const loose = row ? 3 : Math.max(0, (118 - most) / 2);
  const alike = random.chance(0.5);
  return (row?.places ?? [64]).map((middle) => {
    const size = random.uniform(least, most);
    const up =
      floor === undefined ? 0 : stance ? random.uniform(0, Math.max(0, floor - size - 8)) * 0.7 : 0;
    const parts = place(partsOf(draw, random), {
      x: middle + random.uniform(-loose, loose),
      y: (floor ?? 64) + random.uniform(-1.5, 1.5) - up,
      size,
      stretch: random.uniform(0.88, 1.14),
      mirrored: alike ? false : random.chance(0.5),
      lean: random.uniform(-4, 4) * (stance ? 2.5 : 1),
    });
    return kept(parts, floor === undefined);
  });
}

/** Parts moved so that all of them are on the canvas, and to the middle of its height if told. */
function kept(parts: readonly Part[], toMiddle: boolean): Part[] {
  const { left, top, right, bottom } = boxOf(parts.map(({ outline }) => outline));
  const room = 3;
  const into = (low: number, high: number) =>
    low < room ? room - low : high > canvas - room ? canvas - room - high : 0;
  const dx = into(left, right);
  const dy = toMiddle ? (canvas - top - bottom) / 2 : into(top, bottom);
  return parts.map((part) => ({
    ...part,
    outline: part.outline.map(([x, y]): Point => [x + dx, y + dy]),
  }));
}

// The sentences that the models were trained to answer, letter for letter.
import { StylearError } from '../error.ts';

/** Stands for a picture in texts of the reference. */
export const imageSymbol = '<|image|>';

const styleRows = Array.from({ length: 16 }, () => 'S*').join(' ');
const style = `Instant style Generation. Given image style is ${styleRows}.`;

/** `{prompt}`, `{image}`, `{width}` and `{height}` are where these go. */
const templates = {
  /** StyleAR: a picture in the style of the rows that take the place of each `*`. */
  style: `${style} Please generate an same style image according to my instruction: {prompt}`,
  /** As `style`, after a depth map or a segmentation. */
  styleAndImage: `${style} Please generate an image according to the provided image {image} and according to my instruction: {prompt}`,
  /** Lumina-mGPT, 1.0 and 2.0. */
  plain: 'Generate an image of {width}x{height} according to the following prompt:\n{prompt}',
  /** The others are those of Lumina-mGPT-Omni. */
  image:
    'Generate an image according to the provided image, and according to the following caption:\n{prompt} {image}',
  depth: 'Depth estimation. {image}',
  segmentation: 'Segmentic segmentation. {image}',
  normals: 'Surface normal estimation. {image}',
  pose: 'Human pose estimation. {image}',
  detection: 'Detect: {prompt} {image}',
} as const;

/** Which sentence. */
export type PromptKind = keyof typeof templates;

/** What goes into a sentence. */
export interface PromptContent {
  /** What the user wants; text and nothing but text, whatever is written in it. */
  readonly prompt?: string | undefined;
  /** Tokens of a picture, from its start to its end. */
  readonly image?: readonly number[] | undefined;
  /** Of the picture to be made, in pixels. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/** A part of a filled sentence: text, or the tokens of a picture. */
export type PromptPart = string | readonly number[];

/**
 * A sentence with its content in place.
 *
 * @throws `ERR_INPUT` when it lacks content or is given content that it has no place for
 */
export function fillTemplate(kind: PromptKind, content: PromptContent): PromptPart[] {
  const template: string = templates[kind];
  for (const [name, value] of Object.entries(content))
    if (value !== undefined && !template.includes(`{${name}}`))
      throw wrong(`no ${name}, which ${kind} has no place for`, 'one');
  const parts: PromptPart[] = [''];
  // Between the places, in one go: braces in a prompt are no places.
  for (const piece of template.split(/(\{\w+\})/)) {
    const part = piece.startsWith('{') ? contentAt(kind, piece.slice(1, -1), content) : piece;
    const last = parts.at(-1);
    if (typeof part === 'string' && typeof last === 'string') parts[parts.length - 1] = last + part;
    else parts.push(part);
  }
  return parts.filter((part) => part.length > 0);
}

/** What a sentence says before the prompt, where its style rows are; empty without style rows. */
export function styledText(kind: PromptKind): string {
  const template: string = templates[kind];
  return template.startsWith(style) ? template.slice(0, template.indexOf('{')) : '';
}

function contentAt(kind: PromptKind, name: string, content: PromptContent): PromptPart {
  const value = content[name as keyof PromptContent];
  if (value === undefined) throw wrong(`the ${name} that ${kind} has a place for`, 'none');
  return typeof value === 'number' ? `${value}` : value;
}

const wrong = (expected: string, got: string): StylearError =>
  new StylearError('ERR_INPUT', `prompt: expected content to have ${expected}, got ${got}`);

// Styles and sizes as words: in options of a command line and in fields of a batch.
import { StylearError } from '../error.ts';
import type { StyleReference } from './request.ts';

export interface StyleWords {
  /** The path of a picture, or of a style that was saved. */
  readonly style?: string | undefined;
  /** Several of them by weight: `a.png:0.7,b.png:0.3`. */
  readonly mix?: string | undefined;
  /** The path of the subject of `style`, cut out. */
  readonly subject?: string | undefined;
}

/** Who is told what is wrong: a command and `--`, or the line of a file. */
export interface WordsFrom {
  readonly where: string;
  /** Stands in front of the name of an option. */
  readonly mark?: string | undefined;
}

/**
 * The references that words name; undefined when there are none.
 *
 * @throws `ERR_INPUT` for words that do not go together
 */
export function referencesOfWords(
  { style, mix, subject }: StyleWords,
  { where, mark = '' }: WordsFrom,
): readonly StyleReference[] | undefined {
  const wrong = (expected: string, got: string) =>
    new StylearError('ERR_INPUT', `${where}: expected ${expected}, got ${got}`);
  if (mix === undefined) {
    if (style !== undefined) return [{ picture: style, subject }];
    if (subject !== undefined) throw wrong(`${mark}style beside ${mark}subject`, 'none');
    return undefined;
  }
  if (style !== undefined) throw wrong(`one of ${mark}style and ${mark}mix`, 'both');
  if (subject !== undefined)
    throw wrong(`${mark}subject beside ${mark}style`, `it beside ${mark}mix`);
  return mix.split(',').map((part) => {
    const [, picture = part, weight = '1'] = /^(.*):([\d.]+)$/.exec(part) ?? [];
    if (picture === '' || !(Number(weight) >= 0))
      throw wrong(`${mark}mix to be as a.png:0.7,b.png:0.3`, JSON.stringify(mix));
    return { picture, weight: Number(weight) };
  });
}

/**
 * A size such as `768x512`, width first.
 *
 * @throws `ERR_INPUT` for other words
 */
export function sizeOfWords(
  size: string,
  { where, mark = '' }: WordsFrom,
): { width: number; height: number } {
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(size);
  if (match) return { width: Number(match[1]), height: Number(match[2]) };
  const expected = `${mark}size to be WIDTHxHEIGHT, such as 768x768`;
  throw new StylearError(
    'ERR_INPUT',
    `${where}: expected ${expected}, got ${JSON.stringify(size.slice(0, 40))}`,
  );
}

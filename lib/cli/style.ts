import { StylearError } from '../error.ts';
import { referencesOfWords } from '../generate/request_words.ts';
import { type ModelOptions, openModel } from './drawing.ts';
import { prepareFile } from './output.ts';

/** The options of `stylear style`. */
export interface StyleCommandOptions extends ModelOptions {
  /** Where it is written; ends in `.style`. */
  readonly output: string;
  readonly subject?: string | undefined;
}

const words = { where: 'style', mark: '--' } as const;

/**
 * `stylear style <picture> -o <file>`: encodes a style once for any number of pictures.
 *
 * @param picture  a picture, or several by weight: `a.png:0.7,b.png:0.3`
 * @returns        the exit status
 */
export async function styleCommand(
  picture: string,
  { output, subject, ...options }: StyleCommandOptions,
): Promise<number> {
  if (!output.endsWith('.style'))
    throw new StylearError(
      'ERR_INPUT',
      `style: expected --output to end in .style, got ${JSON.stringify(output)}`,
    );
  const mixed = /:[\d.]+(,|$)/.test(picture);
  const references = referencesOfWords(
    mixed ? { mix: picture, subject } : { style: picture, subject },
    words,
  )!;
  prepareFile(output);
  await using stylear = await openModel(options);
  const style = await stylear.encodeStyle(references);
  await style.save(output);
  console.log(`${output}  ${style.count} vectors of ${style.dim}`);
  return 0;
}

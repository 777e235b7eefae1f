// A line of a file of requests: what it may say, and what is asked for by it.
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import * as z from 'zod';
import { StylearError } from '../../error.ts';
import { type GenerateRequest, numberSchemas, type StyleReference } from '../request.ts';
import { referencesOfWords, sizeOfWords } from '../request_words.ts';

const words = z.string({ error: 'a string' });
const idRule =
  '1 to 80 letters, digits, dots, dashes and underscores that begin with none of the marks';
/** Names files, so that it has nothing in it that a file system could take for more. */
const id = z.string({ error: idRule }).regex(/^[A-Za-z0-9][\w.-]{0,79}$/, { error: idRule });

const schema = z.strictObject(
  {
    id: id.optional(),
    prompt: words,
    style: words.optional(),
    subject: words.optional(),
    mix: words.optional(),
    condition: words.optional(),
    size: words.optional(),
    seed: numberSchemas.seed,
    count: numberSchemas.count,
    priority: numberSchemas.priority,
    guidance: numberSchemas.guidance,
    top_k: numberSchemas.imageTopK,
    top_p: numberSchemas.topP,
    min_p: numberSchemas.minP,
    temperature: numberSchemas.temperature,
    noise: numberSchemas.noiseStrength,
    style_strength: numberSchemas.styleStrength,
  },
  { error: 'an object' },
);

/** What a row may say. */
export const rowFields: readonly string[] = Object.keys(schema.shape);

/** Those of them that are words; all others are numbers. */
export const wordFields: ReadonlySet<string> = new Set([
  ...['id', 'prompt', 'style', 'subject', 'mix', 'condition', 'size'],
]);

/** One request of a batch. */
export interface BatchRow {
  /** Names it and its files; that of a row without one is its line. */
  readonly id: string;
  readonly line: number;
  /** All that it says, as it was written. */
  readonly fields: Readonly<Record<string, string | number>>;
  /** The same for the same fields. */
  readonly hash: string;
  readonly seed: number;
  readonly count: number;
  readonly priority: number;
  /** Paths of pictures are absolute. */
  readonly style: readonly StyleReference[] | undefined;
  /** Without style, seed and count. */
  readonly request: GenerateRequest;
}

/**
 * Reads what one line says.
 *
 * @param where   the file and the line, for errors
 * @param folder  that paths in it are relative to
 * @throws `ERR_INPUT` naming the field that is not as it should be
 */
export function rowOf(fields: unknown, line: number, where: string, folder: string): BatchRow {
  const row = checked(fields, where);
  const { id = `${line}`, seed = seedOf(id), count = 1, priority = 0 } = row;
  const path = (picture: string) => resolve(folder, picture);
  const style = referencesOfWords(row, { where })?.map(({ picture, subject, weight }) => ({
    picture: path(picture as string),
    subject: subject === undefined ? undefined : path(subject as string),
    weight,
  }));
  return {
    ...{ id, line, seed, count, priority, style },
    fields: row as BatchRow['fields'],
    hash: hashOf(row),
    request: {
      prompt: row.prompt,
      condition: row.condition === undefined ? undefined : path(row.condition),
      size: row.size === undefined ? undefined : sizeOfWords(row.size, { where }),
      guidance: row.guidance,
      imageTopK: row.top_k,
      topP: row.top_p,
      minP: row.min_p,
      temperature: row.temperature,
      noiseStrength: row.noise,
      styleStrength: row.style_strength,
      priority,
    },
  };
}

/** What the files of a picture are called, without their ends. */
export function pictureName({ id, count }: BatchRow, index: number): string {
  return count === 1 ? id : `${id}-${`${index + 1}`.padStart(`${count}`.length, '0')}`;
}

/** The file that says how a picture was made, by that of the picture. */
export const aboutFile = (file: string): string => file.replace(/\.[^.]*$/, '.json');

function checked(fields: unknown, where: string): z.output<typeof schema> {
  const result = schema.safeParse(fields);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue!.code === 'unrecognized_keys') {
    const got = issue!.keys.map((key) => JSON.stringify(key.slice(0, 40))).join(', ');
    const expected = `its fields to be among ${rowFields.join(', ')}`;
    throw new StylearError('ERR_INPUT', `${where}: expected ${expected}, got ${got}`);
  }
  const [key] = issue!.path;
  const value = key === undefined ? fields : (fields as Record<PropertyKey, unknown>)[key];
  const got = value === undefined ? 'none' : JSON.stringify(value).slice(0, 60);
  const what = key === undefined ? 'the row' : String(key);
  throw new StylearError(
    'ERR_INPUT',
    `${where}: expected ${what} to be ${issue!.message}, got ${got}`,
  );
}

/** The seed of a row that names none: the same every time. */
const seedOf = (id: string): number =>
  createHash('sha256').update(`seed of ${id}`).digest().readUInt32LE();

function hashOf(row: object): string {
  const inOrder = Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(inOrder)).digest('hex').slice(0, 16);
}

// How configs that users write are read: JSON, every key known, each value within bounds. A failure
// names the file, the key, what it must be and what it is.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import * as z from 'zod';
import { StylearError } from './error.ts';
import { schemaFault } from './schema_fault.ts';

/** A whole number within bounds. */
export function whole(least: number, most: number) {
  const error = `a whole number in [${least}, ${most}]`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

/** A number within bounds. */
export function real(least: number, most: number) {
  const error = `a number in [${least}, ${most}]`;
  return z.number({ error }).min(least, { error }).max(most, { error });
}

/** True or false; `value` unless told. */
export const flag = (value: boolean) => z.boolean({ error: 'true or false' }).default(value);

/** A path relative to a folder, made absolute. */
export const pathIn = (folder: string) =>
  z
    .string({ error: 'a path' })
    .min(1, { error: 'a path' })
    .transform((path) => resolve(folder, path));

/** At least one value. */
export const someOf = <Item extends z.ZodType>(item: Item) =>
  z.array(item, { error: 'a list' }).min(1, { error: 'at least one' });

/** An object without keys that are not known. */
export const objectOf = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject(shape, { error: 'an object' });

/**
 * The config of a JSON file, with every default in it.
 *
 * Throws `ERR_INPUT` for what is missing, out of bounds or not known.
 *
 * @param schemaIn  a schema whose paths are relative to the given folder, which is that of the file
 */
export function readJsonConfig<Schema extends z.ZodType>(
  file: string,
  schemaIn: (folder: string) => Schema,
): z.output<Schema> {
  let json: unknown;
  try {
    // Some editors begin a file with a mark of its byte order, which JSON has no place for.
    json = JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw wrong(file, 'the config', 'readable JSON', (cause as Error).message, cause);
  }
  const result = schemaIn(dirname(resolve(file))).safeParse(json);
  if (result.success) return result.data;
  const { where, expected, got } = schemaFault(result.error, json);
  throw wrong(file, where || 'the config', expected, got);
}

const wrong = (
  file: string,
  what: string,
  expected: string,
  got: string,
  cause?: unknown,
): StylearError =>
  new StylearError('ERR_INPUT', `${file}: expected ${what} to be ${expected}, got ${got}`, {
    cause,
  });

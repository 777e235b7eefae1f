// How the configs of models are read: strictly, and each number within bounds before anything is
// made of it. Every failure names the file, the key, what it must be and what it is.
import * as z from 'zod';
import { quoted, readingFile, weightsError } from '../../weights/byte_source.ts';
import { type Json, type JsonObject, parseJsonObject } from '../../weights/strict_json.ts';
import { parseYamlObject } from '../../weights/strict_yaml.ts';

/** The largest vocabularies in a config take some 6 MB. */
const maxConfigBytes = 64 * 2 ** 20;

/** A network of more than 2^40 parameters is none that fits anywhere. */
const maxParameters = 2 ** 40;

/**
 * The object that a `.json` or `.yaml` file holds.
 *
 * Throws `ERR_WEIGHTS` for what the strict readers refuse, and for files of over 64 MiB.
 *
 * @param only  of YAML, the only key that is read; see `parseYamlObject`
 */
export function readConfigFile(
  path: string,
  { only }: { readonly only?: string | undefined } = {},
): JsonObject {
  return readingFile(path, (source) => {
    if (source.bytes > maxConfigBytes) {
      throw weightsError(path, 'the config', `at most ${maxConfigBytes} bytes`, `${source.bytes}`);
    }
    const what = 'the config';
    if (/\.ya?ml$/.test(path)) return parseYamlObject(source, what, 0, source.bytes, { only });
    return parseJsonObject(source, what, 0, source.bytes);
  });
}

/**
 * What a schema makes of an object of a file. Its messages say what a value must be, as those of
 * {@link whole} and its like do; keys that it does not name are passed over.
 *
 * @param path  the file, for errors
 */
export function parseConfig<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  config: Json,
): z.output<Schema> {
  const result = schema.safeParse(plain(config));
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const keys = issue.path.filter((key) => typeof key !== 'symbol');
  const what = keys.length ? keys.join('.') : 'the config';
  throw weightsError(path, what, issue.message, shown(valueAt(config, keys)));
}

/** A whole number within bounds. */
export function whole(least: number, most: number) {
  const error = `a whole number in [${least}, ${most}]`;
  return z.int({ error }).gte(least, { error }).lte(most, { error });
}

/** A number within bounds. */
export function real(least: number, most: number) {
  const error = `a number in [${least}, ${most}]`;
  return z.number({ error }).gte(least, { error }).lte(most, { error });
}

/** True or false. */
export const flag = () => z.boolean({ error: 'true or false' });

/** One of a few values, for a setting of which this package knows no other. */
export function only<const Value extends string | number | boolean | null>(...values: Value[]) {
  return z.literal(values, { error: values.map((value) => JSON.stringify(value)).join(' or ') });
}

/** A list of `least` to `most` values. */
export function listOf<Item extends z.ZodType>(item: Item, least: number, most: number) {
  const error = `a list of ${least} to ${most} values`;
  return z.array(item, { error }).min(least, { error }).max(most, { error });
}

/** An object; keys that are not known are ignored. */
export function objectOf<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.object(shape, { error: 'an object' });
}

/** Throws `ERR_WEIGHTS` when something that lies between several keys does not hold. */
export function requireThat(
  path: string,
  holds: boolean,
  what: string,
  expected: string,
  got: string | number,
): void {
  if (!holds) throw weightsError(path, what, expected, `${got}`);
}

/** Throws `ERR_WEIGHTS` where the sizes of a network, each within its bounds, multiply to too much. */
export function requireParameters(path: string, parameters: number): void {
  const expected = `those of a network of at most 2^40 parameters`;
  requireThat(path, parameters <= maxParameters, 'the sizes', expected, parameters);
}

/** With objects for the maps that the readers make; no key of these means anything but itself. */
function plain(value: Json): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  const object = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of value) object[key] = plain(item);
  return object;
}

function valueAt(config: Json, keys: readonly (string | number)[]): Json | undefined {
  let value: Json | undefined = config;
  for (const key of keys) {
    if (value instanceof Map) value = value.get(`${key}`);
    else if (Array.isArray(value)) value = value[Number(key)];
    else return undefined;
  }
  return value;
}

function shown(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  if (value instanceof Map) return 'an object';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'string' ? quoted(value) : `${value}`;
}

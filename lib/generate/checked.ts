// How options are checked where they enter.
import * as z from 'zod';
import { StylearError } from '../error.ts';
import { schemaFault } from '../schema_fault.ts';
import { shown } from '../shown.ts';

/** A number within bounds. */
export const bounded = (least: number, most: number, words = `a number from ${least} to ${most}`) =>
  z.number({ error: words }).gte(least, { error: words }).lte(most, { error: words });
/** A whole number within bounds. */
export const whole = (
  least: number,
  most: number,
  words = `a whole number from ${least} to ${most}`,
) => z.int({ error: words }).gte(least, { error: words }).lte(most, { error: words });

/**
 * Throws `ERR_INPUT` where a value is not what a schema says: `<where>: expected <key> to be <the schema's
 * words>, got <value>`.
 *
 * @param what    what the value as a whole is called
 * @param prefix  of the names of its keys
 * @returns       a copy of the value, without keys that the schema does not know
 */
export function requireParsed<T>(
  schema: z.ZodType<T>,
  value: unknown,
  where: string,
  what: string,
  prefix = '',
): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { where: key, expected, got } = schemaFault(result.error, value, shown);
  const name = key === '' ? what : prefix + key;
  throw new StylearError('ERR_INPUT', `${where}: expected ${name} to be ${expected}, got ${got}`);
}

// How options are checked where they enter.
import * as z from 'zod';
import { StylearError } from '../error.ts';

/** A number within bounds. */
export const bounded = (least: number, most: number, words = `a number from ${least} to ${most}`) =>
  z.number({ error: words }).gte(least, { error: words }).lte(most, { error: words });
/** A whole number within bounds. */
export const whole = (
  least: number,
  most: number,
  words = `a whole number from ${least} to ${most}`,
) => {
  return z.int({ error: words }).gte(least, { error: words }).lte(most, { error: words });
};

/**
 * Throws `ERR_INPUT` where a value is not what a schema says: `<where>: expected <key> to be <the schema's
 * words>, got <value>`.
 *
 * @param what    what the value as a whole is called
 * @param prefix  of the names of its keys
 */
export function requireParsed(
  schema: z.ZodType,
  value: unknown,
  where: string,
  what: string,
  prefix = '',
): void {
  const result = schema.safeParse(value);
  if (result.success) return;
  const [issue] = result.error.issues;
  const name = issue!.path.length > 0 ? prefix + issue!.path.join('.') : what;
  const got = issue!.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown>)?.[key],
    value,
  );
  throw new StylearError(
    'ERR_INPUT',
    `${where}: expected ${name} to be ${issue!.message}, got ${shown(got)}`,
  );
}

/** A value of any kind in a few words, for an error. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return value.length > 0 ? 'an array' : 'none';
  const kind = Object.getPrototypeOf(value)?.constructor?.name ?? 'Object';
  return kind === 'Object' ? 'an object' : `an object of ${kind}`;
}

import type * as z from 'zod';

/** A value of JSON as messages show it: on a line, and "nothing" where there is none. */
export function shownValue(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** What is wrong with a value. */
export interface SchemaFault {
  /** The keys that lead to it, such as `training.rate`; empty where it is the whole. */
  readonly where: string;
  /** What it must be, in the words of the schema. */
  readonly expected: string;
  /** What is there, or the keys that are not known. */
  readonly got: string;
}

/**
 * The first of what a schema finds wrong with a value.
 *
 * @param show  a value as the message has it: as JSON unless told, which options of JavaScript may not be
 */
export function schemaFault(
  error: z.ZodError,
  value: unknown,
  show: (value: unknown) => string = shownValue,
): SchemaFault {
  const issue = error.issues[0]!;
  const where = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const got = issue.keys.map((key) => JSON.stringify(key)).join(', ');
    return { where, expected: 'without keys that are not known', got };
  }
  const found = issue.path.reduce((inside, key) => (inside as never)?.[key], value);
  return { where, expected: issue.message, got: show(found) };
}

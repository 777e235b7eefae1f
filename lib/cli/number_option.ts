import { InvalidArgumentError } from 'commander';
import type * as z from 'zod';

const form = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/**
 * What reads the number of an option. Its errors name the option and what was typed, as commander does.
 *
 * @param schema  with the range of the number, which is any unless told
 */
export const numberOf =
  (schema?: z.ZodType) =>
  (text: string): number => {
    const value = form.test(text) ? Number(text) : Number.NaN;
    if (!Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
    const issue = schema?.safeParse(value).error?.issues[0];
    if (issue) throw new InvalidArgumentError(`Expected ${issue.message}.`);
    return value;
  };

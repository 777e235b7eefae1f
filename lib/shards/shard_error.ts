import { StylearError } from '../error.ts';
import { type OpenFile, openFile } from '../weights/byte_source.ts';

/** @param advice  a sentence that begins with a verb */
export function shardError(
  path: string,
  what: string,
  expected: string,
  got: string,
  { advice, cause }: { readonly advice?: string | undefined; readonly cause?: unknown } = {},
): StylearError {
  const message = `${path}: expected ${what} to be ${expected}, got ${got}`;
  return new StylearError('ERR_INPUT', advice ? `${message}. ${advice}` : message, { cause });
}

/** Throws `ERR_INPUT` when there is no such file, or it is none. */
export function openInput(path: string): OpenFile {
  try {
    return openFile(path);
  } catch (cause) {
    throw new StylearError('ERR_INPUT', (cause as Error).message, { cause });
  }
}

import { StylearError } from '../error.ts';

/**
 * Runs `body`, which reads a sample of training data and makes an example of it. What is wrong with it is
 * told by its file and its key, as `ERR_INPUT` whatever found it: there may be millions of others.
 */
export async function ofSample<T>(
  { file, key }: { readonly file: string; readonly key: string },
  body: () => T | Promise<T>,
): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    if (!(cause instanceof StylearError)) throw cause;
    const { message } = cause;
    const where = message.startsWith(`${key}: `) ? file : `${file}: ${key}`;
    const named = message.startsWith(`${file}: `) ? message : `${where}: ${message}`;
    throw new StylearError('ERR_INPUT', named, { cause });
  }
}

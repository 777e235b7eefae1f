import { readFileSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';

/**
 * The options of a program of this folder. With `--help` the comment that its file begins with is printed,
 * which says what they are, and so it is, with status 2, after an option that does not exist.
 *
 * @param file  the program's `import.meta.filename`
 */
export function programOptions<T extends ParseArgsConfig>(
  file: string,
  config: T,
): ReturnType<typeof parseArgs<T>> {
  const usage = () =>
    (/^\/\*\*(.*?)\*\//s.exec(readFileSync(file, 'utf8'))?.[1] ?? '')
      .replace(/^ \* ?/gm, '')
      .trim();
  if (process.argv.includes('--help')) {
    console.log(usage());
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage()}`);
    process.exit(2);
  }
}

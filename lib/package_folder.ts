import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StylearError } from './error.ts';

/**
 * The folder of the package, which has its native code and its model.
 *
 * Throws `ERR_BACKEND` where this file was bundled into a CommonJS script, which does not know.
 */
export function packageFolder({ dirname }: { readonly dirname?: string } = import.meta): string {
  // From `dist` it is as far as from `lib`.
  if (dirname !== undefined) return join(dirname, '..');
  throw new StylearError(
    'ERR_BACKEND',
    'stylear: expected the package to lie in a folder of its own, got a bundle. Leave it out of the ' +
      'bundle, as `esbuild --external:stylear` does.',
  );
}

/** The command that builds native code: a clone has what compiles all of it, an installed package not. */
export const buildCommand = (folder = packageFolder()): string =>
  existsSync(join(folder, 'tsconfig.build.json'))
    ? '`npm run build` in the package'
    : '`npm rebuild stylear`, with its install script allowed,';

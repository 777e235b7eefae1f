import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StylearError } from '../error.ts';
import { packageFolder } from '../package_folder.ts';

/** Where the embedded model is, and the reference pictures beside it. */
export const embeddedModelFolder = (root = packageFolder()): string => join(root, 'models', 'tiny');

/**
 * The model that ships with the package.
 *
 * @param root  the folder of the package
 * @returns     its folder, with a `stylear.json`
 * @throws `ERR_WEIGHTS` when it is not there
 */
export function embeddedModel(root = packageFolder()): string {
  const folder = embeddedModelFolder(root);
  if (existsSync(join(folder, 'stylear.json'))) return folder;
  throw new StylearError(
    'ERR_WEIGHTS',
    `${folder}: expected the embedded model to be there, got no stylear.json. ` +
      'Name the folder of another model, on the command line by --model or STYLEAR_MODEL.',
  );
}

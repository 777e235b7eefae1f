import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Where the golden fixtures are: STYLEAR_FIXTURES, or `../shared/fixtures` beside the package. They may
 * be absent; `hasFixture` tells.
 */
export const fixturesFolder =
  process.env.STYLEAR_FIXTURES ?? join(import.meta.dirname, '../../../shared/fixtures');

export const hasFixture = (name: string): boolean => existsSync(join(fixturesFolder, name));

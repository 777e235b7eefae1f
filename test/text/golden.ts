import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the golden fixtures are: STYLEAR_FIXTURES, or ../shared/fixtures beside the package. */
const folder =
  process.env.STYLEAR_FIXTURES ?? join(import.meta.dirname, '../../../shared/fixtures');

/** Whether they are there; tests of them are skipped otherwise, and this says so. */
export const golden = existsSync(folder);
if (!golden) console.log(`not tested here: the golden fixtures are not at ${folder}`);

export const goldenPath = (...parts: readonly string[]): string => join(folder, ...parts);

// biome-ignore lint/suspicious/noExplicitAny: a golden file has what its test knows it to have
export const goldenJson = (...parts: readonly string[]): any =>
  JSON.parse(readFileSync(goldenPath(...parts), 'utf8'));

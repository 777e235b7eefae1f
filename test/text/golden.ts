import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixturesFolder as folder } from '../support/fixtures.ts';

/** Whether the golden fixtures are there; tests of them are skipped otherwise, and this says so. */
export const golden = existsSync(folder);
if (!golden) console.log(`not tested here: the golden fixtures are not at ${folder}`);

export const goldenPath = (...parts: readonly string[]): string => join(folder, ...parts);

// biome-ignore lint/suspicious/noExplicitAny: a golden file has what its test knows it to have
export const goldenJson = (...parts: readonly string[]): any =>
  JSON.parse(readFileSync(goldenPath(...parts), 'utf8'));

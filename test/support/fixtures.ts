import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/**
 * Where all golden fixtures are: STYLEAR_FIXTURES, or `../shared/fixtures` beside the package. They may
 * be absent; `hasFixture` tells.
 */
export const fixturesFolder = process.env.STYLEAR_FIXTURES ?? join(root, '../shared/fixtures');

export const hasFixture = (name: string): boolean => existsSync(join(fixturesFolder, name));

/** The folder of all of them, or else of those that the package has: some kinds, not every one. */
export const someFixtures = (): string =>
  existsSync(fixturesFolder) ? fixturesFolder : unpacked();

/** The archives of `test/fixtures`, unpacked once. */
function unpacked(): string {
  const folder = join(root, 'build/fixtures');
  if (existsSync(folder)) return folder;
  const archives = join(root, 'test/fixtures');
  mkdirSync(join(root, 'build'), { recursive: true });
  const part = mkdtempSync(`${folder}-`);
  for (const name of readdirSync(archives).filter((name) => name.endsWith('.tar.gz')))
    execFileSync('tar', ['-xzf', join(archives, name), '-C', part]);
  try {
    renameSync(part, folder);
  } catch {
    // Another process was first.
    rmSync(part, { recursive: true });
  }
  return folder;
}

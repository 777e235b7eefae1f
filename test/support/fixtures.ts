import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/**
 * Where all golden fixtures are: STYLEAR_FIXTURES, or `../shared/fixtures` beside the package. They may
 * be absent; `hasFixture` tells.
 */
export const fixturesFolder = process.env.STYLEAR_FIXTURES ?? join(root, '../shared/fixtures');

export const hasFixture = (name: string): boolean => existsSync(join(fixturesFolder, name));

/** The folder of all of them, or else of those that the package has, which are some of every kind. */
export const someFixtures = (): string =>
  existsSync(fixturesFolder) ? fixturesFolder : packedFixtures();

/** The archives of `test/fixtures`. */
export const fixtureArchives = (packageRoot = root): string[] =>
  readdirSync(join(packageRoot, 'test/fixtures'))
    .filter((name) => name.endsWith('.tar.gz'))
    .map((name) => join(packageRoot, 'test/fixtures', name));

/**
 * A folder of what is in the archives; they are unpacked once, and again when they change.
 *
 * @param packageRoot  where the package is, for a program that was compiled elsewhere
 */
export function packedFixtures(packageRoot = root): string {
  const archives = fixtureArchives(packageRoot);
  const hash = createHash('sha256');
  for (const archive of archives) hash.update(readFileSync(archive));
  const folder = join(packageRoot, `build/fixtures-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(join(packageRoot, 'build'), { recursive: true });
  const part = mkdtempSync(`${folder}-`);
  for (const archive of archives) execFileSync('tar', ['-xzf', archive, '-C', part]);
  try {
    renameSync(part, folder);
  } catch {
    // Another process was first.
    rmSync(part, { recursive: true });
  }
  return folder;
}

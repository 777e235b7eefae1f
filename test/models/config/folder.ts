import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A folder of its own for a test file; what is written there is gone after it. */
export function temporaryFolder(): { path: string; write(name: string, content: unknown): string } {
  const path = mkdtempSync(join(tmpdir(), 'stylear-config-'));
  afterAll(() => rmSync(path, { recursive: true }));
  const write = (name: string, content: unknown): string => {
    const file = join(path, name);
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  };
  return { path, write };
}

/** The golden fixtures, where they are: STYLEAR_FIXTURES, or ../shared/fixtures beside the package. */
export const fixtures =
  process.env.STYLEAR_FIXTURES ?? join(import.meta.dirname, '../../../../shared/fixtures');
export const hasFixtures = existsSync(fixtures);
if (!hasFixtures) console.log(`not tested here: the golden fixtures are not at ${fixtures}`);

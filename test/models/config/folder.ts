import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { fixturesFolder } from '../../support/fixtures.ts';

if (!existsSync(fixturesFolder)) {
  console.log(`not tested here: configs of the golden fixtures are not at ${fixturesFolder}`);
}

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

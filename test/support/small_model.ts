import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
import { assembleSmallModel, hasSmallModel } from './assemble_small_model.ts';
import { fixturesFolder } from './fixtures.ts';

export interface SmallModel {
  /** With a `stylear.json`. */
  readonly folder: string;
  /** An empty folder for what a test writes. */
  readonly scratch: string;
  /** Pictures. */
  readonly style: string;
  readonly subject: string;
  readonly condition: string;
}

/** A `describe` with the small model; without the golden fixtures it is skipped and says so. */
export function withSmallModel(name: string, body: (model: SmallModel) => void): void {
  if (!hasSmallModel()) {
    console.log(`not tested here: ${name}; the golden fixtures are not at ${fixturesFolder}`);
    describe.skip(name, () => test('with the small model'));
    return;
  }
  const root = mkdtempSync(join(tmpdir(), 'stylear-small-'));
  const picture = (file: string) => join(fixturesFolder, 'e2e/images', file);
  const folder = join(root, 'model');
  assembleSmallModel(folder);
  describe(name, () => {
    afterAll(() => rmSync(root, { recursive: true }));
    body({
      folder,
      scratch: root,
      style: picture('style.png'),
      subject: picture('subject.png'),
      condition: picture('cond.png'),
    });
  });
}

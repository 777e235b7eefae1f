import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { buildCommand, packageFolder } from '../lib/package_folder.ts';
import { expectRefusal } from './support/op_case.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-package-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('the folder of the package is not known in a bundle, which is told of', () => {
  expect(packageFolder()).toBe(join(import.meta.dirname, '..'));
  expectRefusal(
    () => packageFolder({}),
    'ERR_BACKEND',
    'stylear: expected the package to lie in a folder of its own, got a bundle. Leave it out of the ' +
      'bundle, as `esbuild --external:stylear` does.',
  );
});

test('the command that builds is one that the package can run', () => {
  expect(buildCommand(folder)).toBe('`npm rebuild stylear`, with its install script allowed,');
  writeFileSync(join(folder, 'tsconfig.build.json'), '{}');
  expect(buildCommand(folder)).toBe('`npm run build` in the package');
});
